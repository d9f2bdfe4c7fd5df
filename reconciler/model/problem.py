"""Problems: findings in a spec, each at its place, so that a reader can return all of them."""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.resource import Origin


class Severity(StrEnum):
    """How bad a finding is: an error keeps the old state in force, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding in a spec.

    ``code`` is stable and documented in ``docs/problems.md`` (``R104``). ``hint`` is what to do next
    ("did you mean 'title'?"). ``excerpt`` holds the source line itself, ``width`` how many columns
    from ``origin.column`` the finding covers.
    """

    severity: Severity
    code: str
    message: str
    origin: Origin
    hint: str = ""
    excerpt: str = ""
    width: int = 1
