"""Ways to log in: pure flows that yield requests, their one driver, and what keeps the outcome.

Most ways need no request: they only sign what is sent. ``flows`` says what a flow is; ``choose`` picks
the way that a manifest names; ``keeper`` keeps its session and makes it anew when it lapses or is
refused: one task at a time, once, before a second refusal is final.
"""
