"""Ids of things that happen: sortable by time, unique without asking anyone."""

import secrets
from datetime import datetime


def new_id(prefix: str, now: datetime) -> str:
    """Return ``run_`` and 28 hexadecimal digits: 12 of milliseconds, 16 of chance."""
    return f"{prefix}_{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}"
