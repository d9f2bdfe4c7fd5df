"""What a person names on the command line - to replace, to leave as it is - and why it may not be."""

from collections.abc import Collection, Container
from dataclasses import dataclass

from reconciler.errors import Invalid, NotFound
from reconciler.model.resource import Resource, ResourceKey
from reconciler.plan.compare import REPLACEABLE
from reconciler.plan.scope import Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be replaced whether it differs or not, and whose drift is left as it is this once."""

    anew: frozenset[ResourceKey] = frozenset()
    let_be: frozenset[ResourceKey] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.anew or self.let_be)


def check_asked(
    asked: Asked,
    scope: Scope,
    *,
    declared: Collection[Resource],
    in_force: Container[ResourceKey],
) -> None:
    """Return if all that is *asked* means something.

    Raises:
        NotFound: if an object is not declared or not in force.
        Invalid: if replacing it does nothing, or something else on the command line says the contrary.
    """
    known = {resource.key: resource for resource in declared}
    for key in sorted(asked.anew):
        _check_replace(key, known, in_force)
        if not scope.covers(known[key]):
            msg = f"--replace {key}: it is outside of --only, --exclude and --selector"
            raise Invalid(msg, hint="take it into the plan, or leave out --replace")
    for key in sorted(asked.let_be):
        if key in asked.anew:
            msg = f"--ignore-drift {key}: replacing it does not leave its drift as it is"
            raise Invalid(msg, hint="say one of --replace and --ignore-drift")
        if key not in known and key not in in_force:
            msg = f"--ignore-drift {key}: nothing declared or in force is called so"
            raise NotFound(msg, hint="reconciler drift lists what has drifted")


def _check_replace(
    key: ResourceKey, known: Container[ResourceKey], in_force: Container[ResourceKey]
) -> None:
    if key.kind not in REPLACEABLE:
        can = ", ".join(sorted(REPLACEABLE))
        raise Invalid(
            f"--replace {key}: replacing it would do nothing: it holds nothing that could be made anew",
            hint=f"what can be replaced: {can}",
        )
    if key not in known:
        hint = "declare it, or look whether the folder or --env is the right one"
        raise NotFound(f"--replace {key}: it is not declared in the specs", hint=hint)
    if key not in in_force:
        hint = "apply without --replace makes it"
        raise NotFound(f"--replace {key}: it is not in force under this name", hint=hint)
