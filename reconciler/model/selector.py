"""Selectors: which connections are meant, by their labels; the language of ``selector.matchLabels``."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

Selector: TypeAlias = tuple[tuple[str, str], ...]
"""Labels with their values, sorted; a connection is chosen if it has all of them."""

_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,125}[A-Za-z0-9])?")
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def selector_of(labels: Mapping[str, str]) -> Selector:
    """Return the selector that asks for all of *labels*.

    Raises:
        ValueError: without labels, or if one could not stand in a spec.
    """
    if not labels:
        raise ValueError("a selector needs a label, such as customer=acme")
    for name, value in labels.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"{name[:127]!r}={value[:63]!r} is no label that a spec could have")
    return tuple(sorted(labels.items()))


def parse_selector(text: str) -> Selector:
    """Return what ``customer=acme,plant=a`` says.

    Raises:
        ValueError: for another form, or a label that is said twice.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not name.strip() or not sign for name, sign, _ in pairs):
        raise ValueError(f"{text[:255]!r} is not of the form label=value,label=value")
    labels = {name.strip(): value.strip() for name, _, value in pairs}
    if len(labels) != len(pairs):
        raise ValueError(f"{text[:255]!r} says a label twice")
    return selector_of(labels)


def format_selector(selector: Selector) -> str:
    """Return *selector* as ``parse_selector`` reads it; "" for none."""
    return ",".join(f"{name}={value}" for name, value in selector)


def chosen_by(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Return whether what has *labels* is chosen. An empty selector chooses nothing."""
    return bool(selector) and all(labels.get(name) == value for name, value in selector)
