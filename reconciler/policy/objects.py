"""Rules over objects: which of them are broken, and how problems say it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.problem import Problem, Severity
from reconciler.model.resource import Origin, Resource, ResourceKey
from reconciler.policy.expression import failure, is_true
from reconciler.policy.policy import Over, Policy, Rule
from reconciler.policy.reach import World
from reconciler.spec.finding import Draft, Finding, Spot
from reconciler.spec.places import Places, problems_of
from reconciler.spec.secrets import redact


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an object or a change breaks, or that cannot be judged on it (``failed`` says why)."""

    rule: Rule
    key: ResourceKey
    origin: Origin | None = None
    failed: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is; what cannot be judged is an error."""
        return Severity.ERROR if self.failed else self.rule.severity

    @property
    def told(self) -> str:
        """What is wrong, without a secret in it."""
        if not self.failed:
            return redact(self.rule.message)
        return redact(f"the rule cannot be judged here: {self.failed}")

    @property
    def remedy(self) -> str:
        """What a person can do."""
        what = "correct the rule" if self.failed else "see to what it asks for, or change the rule"
        return redact(f"{what} in {self.rule.origin} ({self.rule.asked})")


def judged(rule: Rule, key: ResourceKey, value: Any, origin: Origin | None) -> Iterator[Breach]:
    """Yield how *value*, which is *key* or a change of it, breaks *rule*."""
    try:
        found = is_true(rule.search(value))
    except Exception as error:  # noqa: BLE001  whatever an expression meets is told with its rule
        yield Breach(rule, key, origin, failure(error))
        return
    if found is not rule.wanted:
        yield Breach(rule, key, origin)


def broken_by(policy: Policy, resources: Mapping[ResourceKey, Resource]) -> tuple[Breach, ...]:
    """Return how *resources* break the rules over objects, by object and then by rule."""
    rules = policy.over(Over.OBJECT)
    if not rules:
        return ()
    world = World(resources)
    return tuple(
        breach for key in sorted(resources) for breach in _breaches(rules, resources[key], world)
    )


def _breaches(rules: Iterable[Rule], resource: Resource, world: World) -> Iterator[Breach]:
    value: Mapping[str, Any] | None = None
    for rule in rules:
        if world.reaches(rule.reach, resource):
            value = value or as_rules_see_it(resource)
            yield from judged(rule, resource.key, value, resource.origin)


def as_rules_see_it(resource: Resource) -> Mapping[str, Any]:
    """Return the whole normalised object: ``kind``, ``metadata`` with its name, ``spec``."""
    body = resource.body
    metadata = {"name": resource.key.name, **body["metadata"]}
    return {"kind": resource.key.kind.value, "metadata": metadata, "spec": body["spec"]}


def problems_in(breaches: Iterable[Breach], files: Mapping[str, bytes]) -> list[Problem]:
    """Return *breaches* as problems, each at the line of its object in *files*."""
    return list(problems_of(Places(files), map(_found, breaches)))


def _found(breach: Breach) -> tuple[Draft, Finding]:
    origin = breach.origin or breach.rule.origin
    draft = Draft({}, Spot(origin.file, origin.line, origin.column), label=str(breach.key))
    code = f"POLICY {breach.rule.name}"
    return draft, Finding(code, (), breach.told, breach.remedy, severity=breach.severity)
