"""A plan for people and machines: text, JSON."""
