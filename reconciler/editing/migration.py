"""Versions of the spec language, and what is to be done about old ones: there is one version so far."""

from reconciler.editing.form import values_of
from reconciler.spec.finding import value_at
from reconciler.spec.kinds.envelope import API_VERSION


def odd_versions(content: bytes, file: str) -> tuple[int, list[str]]:
    """Return how many documents a file has, and what to say of those of no known version.

    Raises:
        SpecInvalid: if YAML refuses something in it.
    """
    values = values_of(content, file)
    odd = [
        f"{file}: document {at}: apiVersion {_shown(version)} is not known; write {API_VERSION}"
        for at, value in enumerate(values, 1)
        if (version := value_at(value, ("apiVersion",))) != API_VERSION
    ]
    return len(values), odd


def _shown(version: object) -> str:
    return "(none)" if version is None else repr(version)
