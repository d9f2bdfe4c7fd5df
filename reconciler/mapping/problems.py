"""What is wrong with rules: all findings, each with the way to it and whose rule it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from reconciler.errors import Invalid
from reconciler.model.value import Path


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """One finding. ``path`` leads to it within the spec: ``("fields", "status", "from")``.

    ``source`` names the resource whose rule it is (``Mapping/acme-po``).
    """

    path: Path
    message: str
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ".".join(self.path)
        whose = f"{self.source} " if self.source else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{whose}{place}: {self.message}{hint}"


class MappingInvalid(Invalid):
    """Rules that cannot be compiled."""

    code: ClassVar[str] = "MAPPING_INVALID"

    def __init__(self, entity: str, problems: Sequence[MappingProblem]) -> None:
        count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        told = "; ".join(str(problem) for problem in problems[:5])
        super().__init__(f"the mapping of {entity} has {count}: {told}", hint="mend the rules")
        self.problems = tuple(problems)
