"""Drift in words, for plans and for ``drift``."""

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.model.change import (
    ABSENT,
    Change,
    Drifted,
    DriftPolicy,
    FieldDrift,
    Heal,
    Replace,
)
from reconciler.model.moment import rfc3339
from reconciler.plan.paths import dotted, pointer
from reconciler.plan.render.values import flow


def shown(drift: Drifted) -> bool:
    """Return whether a plan shows *drift*: what a person has to know of, or has said to know of."""
    return drift.told or (drift.let_be and bool(drift.fields))


def drift_detail(drift: Drifted, changes: Iterable[Change] = (), *, width: int = 60) -> str:
    """Return in one line which fields have drifted, by whom, and what *changes* do about it."""
    paths = [dotted(field.path) for field in drift.fields]
    told = ", ".join(paths)
    if len(told) > width:
        told = f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else paths[0]
    actors = ", ".join(dict.fromkeys(field.actor for field in drift.fields))
    return f"changed outside of git by {actors}: {told}; {_fate(drift, changes)}"


def _fate(drift: Drifted, changes: Iterable[Change]) -> str:
    if drift.conflicts:
        return "conflicts with the specs"
    if drift.let_be:
        return "left as it is this once (--ignore-drift)"
    ends = any(isinstance(one, (Heal, Replace)) and one.key == drift.key for one in changes)
    return "ended by this plan" if ends else "not touched by this plan"


def drift_lines(drift: Drifted) -> Iterator[str]:
    """Yield each field with both values, by whom and when."""
    for field in drift.fields:
        mark = " (the specs change it too)" if field.path in drift.conflicts else ""
        yield f"! {_moved(field)}   {_by(field)}{mark}"
    for field in drift.ignored:
        yield f"  {_moved(field)}   {_by(field)} (left alone by a rule)"


def drift_text(drifts: tuple[Drifted, ...], *, revision: str, in_force: int) -> str:
    """Return what ``reconciler drift`` prints: every object, its fields, and the two ways out."""
    told = [drift for drift in drifts if drift.told]
    quiet = sum(len(drift.ignored) for drift in drifts)
    quiet += sum(len(drift.fields) for drift in drifts if drift.policy is DriftPolicy.IGNORE)
    rest = f" ({quiet} more ignored by rule)" if quiet else ""
    at = f", compared with what was applied at {revision}" if revision else ""
    lines = [f"Drift: {len(told)} of {in_force:,} objects{rest}{at}"]
    for drift in told:
        lines += ["", f"  {drift.key}", *(f"      {line}" for line in drift_lines(drift))]
        lines += [f"      {line}" for line in _ways_out(drift)]
    return "\n".join(lines) if told else f"No drift. {in_force:,} objects are as applied{rest}{at}."


def drift_json(drift: Drifted) -> dict[str, Any]:
    """Return one drifted object as JSON."""
    return {
        "address": str(drift.key),
        "kind": "config",
        "policy": drift.policy.value,
        "diff": [_field_json(field) for field in drift.fields],
        "ignored": [_field_json(field) for field in drift.ignored],
        "conflicts": [pointer(path) for path in drift.conflicts],
        "let_be": drift.let_be,
    }


def _ways_out(drift: Drifted) -> Iterator[str]:
    policy = drift.policy.value
    fate = "it is put back" if drift.policy is DriftPolicy.HEAL else "nothing will be changed"
    yield f"policy {policy}: {fate}. To take it into the specs: reconciler adopt {drift.key} --write"
    yield f"{' ' * len(policy)}         To put it back: reconciler apply --only {drift.key} --heal"


def _moved(field: FieldDrift) -> str:
    before = "(absent)" if field.applied is ABSENT else flow(field.applied)
    after = "(absent)" if field.observed is ABSENT else flow(field.observed)
    return f"{dotted(field.path)}: {before} -> {after}"


def _by(field: FieldDrift) -> str:
    return f"by {field.actor} at {rfc3339(field.at)}"


def _field_json(field: FieldDrift) -> dict[str, Any]:
    told: dict[str, Any] = {"path": pointer(field.path), "by": field.actor, "at": rfc3339(field.at)}
    if field.applied is not ABSENT:
        told["applied"] = field.applied
    if field.observed is not ABSENT:
        told["observed"] = field.observed
    return told
