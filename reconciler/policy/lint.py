"""All that is wrong with specs, with the team's own rules among it."""

from collections.abc import Mapping

from reconciler.model.problem import Problem
from reconciler.policy.ruling import ruling_on
from reconciler.spec.load import Loaded
from reconciler.spec.reading import by_place


def lint(files: Mapping[str, bytes], loaded: Loaded) -> tuple[Problem, ...]:
    """Return the problems of *loaded*, of the policy among *files*, and the rules that objects break."""
    ruling, problems = ruling_on(files, loaded.resources)
    if not problems and not ruling.breaches:
        return loaded.problems
    from reconciler.policy.objects import problems_in  # noqa: PLC0415  most specs have no policy

    broken = problems_in(ruling.breaches, files)
    return tuple(sorted((*loaded.problems, *problems, *broken), key=by_place))
