"""Why a record could not be mapped, in a line that names the field and shows little of its value."""

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec
from jmespath.exceptions import JMESPathError

from reconciler.mapping.jmespath import failure_in_words
from reconciler.mapping.misfit import Misfit, shorten
from reconciler.model.data_effect import Failing

_UNLISTED: Final = "a value that 'values' names, and 'unknown' is error"
_MISFIT: Final = re.compile(r" is not an? ")


def failure(at: str, error: Exception) -> str:
    """Return ``field: why``. A value in it is cut at 80 characters."""
    return f"{at or 'record'}: {_reason(error)}"


def unlisted(value: Any) -> NoReturn:
    """Raise that a value map does not name *value*."""
    raise Misfit(value, _UNLISTED)


def field_of(failed: str) -> str:
    """Return the field that the line of a failure names."""
    return failed.partition(":")[0]


def why_of(failed: str) -> Failing:
    """Return why, from the line of a failure."""
    if failed.endswith(_UNLISTED):
        return Failing.ENUM
    return Failing.TYPE if _MISFIT.search(failed) else Failing.OTHER


def _reason(error: Exception) -> str:
    match error:
        case JMESPathError():
            return failure_in_words(error)
        case Misfit():
            return str(error)
        case msgspec.DecodeError() | UnicodeDecodeError():
            return f"not a JSON object: {shorten(str(error))}"
        case _:
            return _WORDS.get(type(error)) or shorten(str(error))


_WORDS: Final[Mapping[type[Exception], str]] = {
    RecursionError: "nested too deep",
    TypeError: "'from' compares values of different types",
}

NAMES: Final[Mapping[str, Any]] = {"failure": failure, "unlisted": unlisted}
"""What written source needs to find."""
