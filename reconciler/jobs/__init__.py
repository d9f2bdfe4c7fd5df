"""Durable work behind six verbs."""
