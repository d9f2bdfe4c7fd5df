"""The plan of specs that have not changed, told by digests alone: no body is read, none is compared."""

from reconciler.model.change import Digests, Marks, Plan
from reconciler.plan.planner import plan_id


def unchanged_plan(declared: Digests, marks: Marks, *, revision: str = "") -> Plan | None:
    """Return what ``make_plan`` gives of all that is *declared*, if that is just what is in force.

    ``None``: it takes the bodies to tell. So it is where anything differs, has drifted, is owned by
    the API or is no longer declared. It knows nothing of a scope.
    """
    if not marks.plain or declared != marks.digests:
        return None
    return Plan(
        id=plan_id(marks.generation, ()),
        base=marks.generation,
        revision=revision,
        changes=(),
        unchanged=len(declared),
    )
