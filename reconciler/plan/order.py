"""The order in which changes are made, and references that run in a circle."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from reconciler.model.change import Change, Delete, Forget
from reconciler.model.resource import Kind, ResourceKey

Needs: TypeAlias = Mapping[ResourceKey, frozenset[ResourceKey]]

_RANK: Final = {kind: place for place, kind in enumerate(Kind)}


def order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return *changes*: what others need first, removals last and the other way round.

    The order does not depend on the one they are given in. Changes that need each other in a circle
    stand after the rest of their half; ``cycles`` tells of them.
    """
    made: dict[ResourceKey, Change] = {}
    removed: dict[ResourceKey, Change] = {}
    for change in changes:
        (removed if isinstance(change, (Delete, Forget)) else made)[change.key] = change
    first = _in_order({key: _resource_needs(change) for key, change in made.items()})
    last = _in_order({key: _resource_needs(change) for key, change in removed.items()})
    return (*(made[key] for key in first), *(removed[key] for key in reversed(last)))


def cycles(needs: Needs) -> tuple[tuple[ResourceKey, ...], ...]:
    """Return the circles in *needs*, each from its smallest key on; a key stands in one of them."""
    rest = _circular(needs)
    found = []
    while rest:
        circle = _circle(rest)
        found.append(circle)
        rest = _circular(_without(rest, frozenset(circle)))
    return tuple(sorted(found, key=lambda circle: _by_rank(circle[0])))


def _resource_needs(change: Change) -> frozenset[ResourceKey]:
    resource = change.before if isinstance(change, (Delete, Forget)) else change.after
    return resource.needs


def _by_rank(key: ResourceKey) -> tuple[int, str]:
    return _RANK[key.kind], key.name


def _in_order(needs: Needs) -> list[ResourceKey]:
    """Return the keys, needed ones first, else by kind and name; those left in circles last."""
    done = _sortable(needs)
    return [*done, *sorted(set(needs) - set(done), key=_by_rank)]


def _sortable(needs: Needs) -> list[ResourceKey]:
    """Return the keys that can be put in order, in that order."""
    open_needs = {key: {need for need in wanted if need in needs} for key, wanted in needs.items()}
    needed_by: dict[ResourceKey, list[ResourceKey]] = defaultdict(list)
    for key, wanted in open_needs.items():
        for need in wanted:
            needed_by[need].append(key)
    ready = [(_by_rank(key), key) for key, wanted in open_needs.items() if not wanted]
    heapq.heapify(ready)
    done: list[ResourceKey] = []
    while ready:
        _, key = heapq.heappop(ready)
        done.append(key)
        for user in needed_by[key]:
            open_needs[user].discard(key)
            if not open_needs[user]:
                heapq.heappush(ready, (_by_rank(user), user))
    return done


def _circular(needs: Needs) -> dict[ResourceKey, frozenset[ResourceKey]]:
    """Return the part of *needs* in which every key needs another and is needed by another."""
    needing = _without(needs, frozenset(_sortable(needs)))
    users = _flipped(needing)
    return _flipped(_without(users, frozenset(_sortable(users))))


def _without(
    needs: Needs, gone: frozenset[ResourceKey]
) -> dict[ResourceKey, frozenset[ResourceKey]]:
    return {
        key: frozenset(need for need in wanted if need in needs and need not in gone)
        for key, wanted in needs.items()
        if key not in gone
    }


def _flipped(needs: Needs) -> dict[ResourceKey, frozenset[ResourceKey]]:
    users: dict[ResourceKey, set[ResourceKey]] = {key: set() for key in needs}
    for key, wanted in needs.items():
        for need in wanted:
            users[need].add(key)
    return {key: frozenset(keys) for key, keys in users.items()}


def _circle(needs: Needs) -> tuple[ResourceKey, ...]:
    """Return one circle of *needs*, in which every key needs another, from its smallest key on."""
    walked: list[ResourceKey] = []
    key = min(needs, key=_by_rank)
    while key not in walked:
        walked.append(key)
        key = min(needs[key], key=_by_rank)
    circle = walked[walked.index(key) :]
    smallest = circle.index(min(circle, key=_by_rank))
    return (*circle[smallest:], *circle[:smallest])
