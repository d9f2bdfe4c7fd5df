"""Spec files edited in place: text in, text out, and only what was meant is another."""
