"""Text from specs, made safe for a terminal: what one would obey is written out instead."""

import json


def printable(text: str) -> str:
    """Return *text* with control, bidirectional and other invisible letters as JSON escapes them."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
