"""Policies and objects for the tests of this room, written short."""

from collections.abc import Mapping
from typing import Any

import yaml

from reconciler.model.resource import Kind, Origin, Resource, ResourceKey, make_resource
from reconciler.policy.policy import Policy
from reconciler.policy.reading import read_policy

FILE = "specs/reconciler-policy.yaml"


def rule(name: str = "a-rule", **said: Any) -> dict[str, Any]:
    asked = {} if "require" in said or "deny" in said else {"require": "spec"}
    return {"name": name, "message": "That is our rule.", **asked, **said}


def window(deny: str = "0 22 * * 5", lasts: str = "60h", **said: Any) -> dict[str, Any]:
    return {"deny": deny, "for": lasts, "reason": "plant shutdown", **said}


def text(*rules: Mapping[str, Any], windows: tuple[Mapping[str, Any], ...] = ()) -> bytes:
    said = yaml.safe_dump({"rules": list(rules), "windows": list(windows)}, sort_keys=False)
    return said.encode()


def policy(*rules: Mapping[str, Any], windows: tuple[Mapping[str, Any], ...] = ()) -> Policy:
    read = read_policy({FILE: text(*rules, windows=windows)})
    assert not read.problems, read.problems
    return read.policy


def made(address: str, labels: Mapping[str, str] | None = None, /, **spec: Any) -> Resource:
    kind, _, name = address.partition("/")
    body = {"metadata": {"labels": labels or {}, "annotations": {}}, "spec": spec}
    return make_resource(
        ResourceKey(Kind(kind), name), body, origin=Origin(f"specs/{name}.yaml", 3, 1)
    )


def by_key(*resources: Resource) -> dict[ResourceKey, Resource]:
    return {one.key: one for one in resources}
