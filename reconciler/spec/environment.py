"""Environments: the chosen one's variables and patches, and a document as they change it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.value import merge_patch
from reconciler.spec.finding import Draft, Spot, Way


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of some documents; ``spot`` is where its ``spec`` is written."""

    kind: str
    name: str | None
    labels: Mapping[str, str] | None
    change: Mapping[str, Any]
    spot: Spot

    def fits(self, draft: Draft) -> bool:
        """Whether *draft* is one of the documents that are meant."""
        if self.kind != draft.kind or self.name not in {None, draft.name}:
            return False
        metadata = draft.data.get("metadata")
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        return not self.labels or (
            isinstance(labels, dict) and self.labels.items() <= labels.items()
        )


def patches_of(spec: Mapping[str, Any], spot: Spot) -> tuple[Patch, ...]:
    """Return the patches of an environment's ``spec`` that is written at *spot*."""
    return tuple(
        Patch(
            kind=given["target"]["kind"],
            name=given["target"].get("name"),
            labels=given["target"].get("selector", {}).get("matchLabels"),
            change=given["spec"],
            spot=spot._replace(path=("spec", "patches", at, "spec")),
        )
        for at, given in enumerate(spec.get("patches", ()))
    )


def patch(draft: Draft, patches: Sequence[Patch]) -> None:
    """Change *draft* as the patches say that fit it."""
    for one in patches:
        if one.fits(draft):
            draft.data["spec"] = merge_patch(draft.data.get("spec"), one.change)
            for way in _leaves(one.change):
                draft.patched["spec", *way] = one.spot._replace(path=(*one.spot.path, *way))


def _leaves(change: Mapping[str, Any], way: Way = ()) -> Iterator[Way]:
    for key, below in change.items():
        if isinstance(below, Mapping) and below:
            yield from _leaves(below, (*way, key))
        else:
            yield (*way, key)
