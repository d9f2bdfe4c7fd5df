"""Literal secrets: found by their shape and by the name they stand under, and never shown."""

import re
from typing import Final

from reconciler.model.reference import WORDS
from reconciler.spec.finding import Finding, Way

_NAME: Final = re.compile(
    r"(?:^|[_\-.])(?:password|passwd|passphrase|pwd|secret|token|credentials?"
    r"|(?:api|access|private|secret|auth|account|encryption|signing)[_-]?key)$"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHAPES: Final = (
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("a Stripe key", r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{10,}"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{20,})"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{30,}"),
    ("a webhook secret", r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    ("a bearer token", r"\b[Bb]earer\s+[A-Za-z0-9._~+/=-]{16,}"),
    ("a password in a URL", r"://[^/\s:@{}\"']*:(?!\{)[^/\s@{}\"']+@"),
)
_SHAPE: Final = tuple((name, re.compile(shape)) for name, shape in _SHAPES)
_ANY_SHAPE: Final = re.compile("|".join(shape for _, shape in _SHAPES))
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/=_-]{24,}")
_AFTER_NAME: Final = re.compile(
    r"""(?ix) ( (?:password|passwd|passphrase|pwd|secret|token|credential|api[_-]?key
                 |(?:access|private|auth|account|encryption|signing)[_-]?key)\w*["']?\s*[:=]\s*["']? )
        (?! \{\s*(?:"""
    + "|".join(WORDS)
    + r""")\b | ["']?\{\{ | true\b | false\b ) ( [^\s"',}\]]{3,} ( [^"',}\]]* ) )"""
)
SHORTEST: Final = 8
"""How many characters a text must have to be looked at."""


def secret_finding(what: str, path: Way) -> Finding:
    """Return the finding that the text at *path* looks like *what*."""
    return Finding(
        "R402",
        path,
        f"this looks like {what}",
        "write {env: NAME}, {file: PATH} or {connect: true} where a secret is taken; "
        "and change the secret: it was in a file",
    )


def secret_by_shape(text: str) -> str:
    """Return which secret *text* has the shape of, in words; ``""`` for none."""
    if not _ANY_SHAPE.search(text):
        return ""
    return next(name for name, shape in _SHAPE if shape.search(text))


def secret_by_name(name: str, text: str) -> str:
    """Return that *text* is a secret because of the *name* it stands under; ``""`` if it is none."""
    if not is_secret_name(name) or "{{" in text or not _is_random(text):
        return ""
    return f"a secret, by its name '{name}'"


def is_secret_name(name: str) -> bool:
    """Whether a secret is to be expected under *name*."""
    return _NAME.search(_CAMEL.sub("_", name).lower()) is not None


def _is_random(value: str) -> bool:
    """Whether *value* is more than a plain word: it mixes kinds of characters, or is long."""
    if re.search(r"\s", value):
        return False
    kinds = (str.isdigit, str.isupper, lambda char: not char.isalnum() and char not in "-_./:")
    return len(value) >= 20 or any(any(map(kind, value)) for kind in kinds)


def redact(text: str) -> str:
    """Return *text* with all that looks like a secret replaced by ``***``."""
    text = _ANY_SHAPE.sub("***", text)
    text = _AFTER_NAME.sub(r"\1***", text)
    return _RANDOM.sub(lambda found: "***" if _is_mixed(found[0]) else found[0], text)


def _is_mixed(word: str) -> bool:
    """Whether a long word mixes digits and both cases, as names do not."""
    return bool(re.search(r"\d", word) and re.search(r"[a-z]", word) and re.search(r"[A-Z]", word))


def redact_same_width(line: str) -> str:
    """Return *line* with all that looks like a secret replaced by as many ``*``: columns stay."""
    for shape in (_ANY_SHAPE, _AFTER_NAME):
        line = shape.sub(_starred, line)
    return _RANDOM.sub(lambda found: "*" * len(found[0]) if _is_mixed(found[0]) else found[0], line)


def _starred(found: re.Match[str]) -> str:
    kept = found[1] if found.re is _AFTER_NAME else ""
    return kept + "*" * (len(found[0]) - len(kept))
