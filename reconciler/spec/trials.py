"""The tests of mappings, run when specs are read: what fails is an error at the test's own line.

A test of a connection's mapping is run on all layers of that connection: the connector's default, the
mappings that select it, its own. One of a mapping that selects is run on the default of each connector
that the selected connections use, and the mapping itself; where it selects none, on the default of the
first connector that it passes on. What was found is kept in the parse cache, under the digests of all that
it depends on.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from reconciler.mapping.layers import ENGINE, Layer, LayerName, Rules, effective
from reconciler.model.resource import ResourceKey
from reconciler.spec.context import Context
from reconciler.spec.entries import Entry, key_of
from reconciler.spec.finding import Finding, Way
from reconciler.spec.reading import cache_key
from reconciler.spec.references import Declared

if TYPE_CHECKING:
    from reconciler.mapping.compile import Mapper

_ENCODER: Final = msgspec.msgpack.Encoder()


class Trial(NamedTuple):
    """One test of a mapping on one connector: what differs, nothing if it passes.

    ``number`` is its place among the mapping's tests.
    """

    mapping: ResourceKey
    number: int
    name: str
    connector: str
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all came out as expected."""
        return not self.differences


class _Misfit(msgspec.Struct, frozen=True, array_like=True):
    """A rule of the mapping itself that cannot be compiled."""

    path: tuple[str, ...]
    message: str
    hint: str


class _Came(msgspec.Struct, frozen=True, array_like=True):
    """What came of all tests of a mapping on one connector: names and differences, or why there are none."""

    tests: tuple[tuple[str, tuple[str, ...]], ...] = ()
    misfits: tuple[_Misfit, ...] = ()


_DECODER: Final = msgspec.msgpack.Decoder(_Came)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One mapping with tests on one connector: the layers below it and it, in their order."""

    entry: Entry
    connector: Entry
    layers: tuple[tuple[LayerName, Entry], ...]

    def key(self, fingerprint: bytes) -> bytes:
        """Return the key under which what comes of it is kept."""
        parts = [f"tests {ENGINE}", self.connector.digest, self.entry.digest]
        parts += [f"{name} {entry.digest}" for name, entry in self.layers]
        return cache_key("\n".join(parts).encode(), fingerprint)


@dataclass(slots=True)
class Trials:
    """What came of the tests: ``tested`` one by one, ``found`` what is wrong; ``keys`` are those in the cache."""

    tested: list[Trial] = field(default_factory=list)
    found: list[tuple[str, Entry, Finding]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)


def trials(declared: Declared, context: Context, cache: MutableMapping[bytes, bytes]) -> Trials:
    """Run the tests of all sound mappings of *declared*, or take from *cache* what came of them."""
    made = Trials()
    tested = [(file, entry) for file, entry in declared.entries.values() if entry.tests]
    if not tested:
        return made
    runner = _Runner(declared, context, cache, made)
    for file, entry in tested:
        if (entry.kind, entry.name) not in declared.unsound:
            runner.take(file, entry)
    return made


class _Runner:
    def __init__(
        self,
        declared: Declared,
        context: Context,
        cache: MutableMapping[bytes, bytes],
        made: Trials,
    ) -> None:
        self._declared = declared
        self._context = context
        self._cache = cache
        self._made = made
        self._mappers: dict[str, Mapper] = {}
        self._selecting: dict[str, list[Entry]] = {}
        self._own: dict[tuple[str, str], list[Entry]] = {}
        self._connections: list[Entry] = []
        self._chosen: dict[frozenset[tuple[str, str]], list[str]] = {}
        for _, entry in sorted(declared.entries.values(), key=lambda one: one[1].name):
            if entry.kind == "Connection":
                self._connections.append(entry)
            elif entry.kind == "Mapping" and (entry.kind, entry.name) not in declared.unsound:
                self._keep(entry, _entity_of(entry))

    def _keep(self, entry: Entry, entity: str) -> None:
        if entry.references:
            self._own.setdefault((entry.references[0].name, entity), []).append(entry)
        else:
            self._selecting.setdefault(entity, []).append(entry)

    def take(self, file: str, entry: Entry) -> None:
        """Run the tests of one mapping."""
        several = self._benches(entry)
        if several is None:
            return
        benches, one_will_do = several
        came = [(bench, self._came(bench)) for bench in benches]
        if one_will_do:
            came = [next((one for one in came if _passes(one[1])), came[0])] if came else []
        for bench, what in came:
            self._tell(file, bench, what, several=len(came) > 1)

    def _benches(self, entry: Entry) -> tuple[list[_Bench], bool] | None:
        """Return what the tests of *entry* are run on, and whether it is enough that they pass on one."""
        entity = _entity_of(entry)
        if entity not in self._context.around.entities:
            return None
        if entry.references:
            connection = self._declared.entries.get(("Connection", entry.references[0].name))
            connector = connection and self._connector(connection[1].connector, entity)
            if connection is None or connector is None:
                return None
            return [_Bench(entry, connector, self._layers(connection[1], entity))], False
        names = self._connectors(frozenset((entry.labels or {}).items()))
        found = [one for name in names if (one := self._connector(name, entity)) is not None]
        one_will_do = not names
        if one_will_do:
            known = sorted(self._context.connectors)
            found = [one for name in known if (one := self._connector(name, entity)) is not None]
        return [_Bench(entry, one, (("selector", entry),)) for one in found], one_will_do

    def _connector(self, name: str | None, entity: str) -> Entry | None:
        manifest = self._context.around.manifests.get(name or "")
        if manifest is None or entity not in manifest["streams"]:
            return None
        return self._context.connectors[name or ""]

    def _connectors(self, wanted: frozenset[tuple[str, str]]) -> list[str]:
        """Return the connectors of all connections with the labels *wanted*."""
        if wanted not in self._chosen:
            found = {
                one.connector or ""
                for one in self._connections
                if wanted <= (one.labels or {}).items()
            }
            self._chosen[wanted] = sorted(found - {""})
        return self._chosen[wanted]

    def _layers(self, connection: Entry, entity: str) -> tuple[tuple[LayerName, Entry], ...]:
        """Return the mappings of *connection* as they are laid over each other when they are in force."""
        labels = (connection.labels or {}).items()
        chosen: list[tuple[LayerName, Entry]] = [
            ("selector", one)
            for one in self._selecting.get(entity, ())
            if (one.labels or {}).items() <= labels
        ]
        own = self._own.get((connection.name, entity), ())
        return (*chosen, *(("connection", one) for one in own))

    def _came(self, bench: _Bench) -> _Came:
        key = bench.key(self._context.fingerprint)
        self._made.keys.append(key)
        kept = self._cache.get(key)
        if kept is not None:
            try:
                return _DECODER.decode(kept)
            except msgspec.MsgspecError:
                pass  # damaged: as if it was not there
        came = self._run(bench)
        self._cache[key] = _ENCODER.encode(came)
        return came

    def _run(self, bench: _Bench) -> _Came:
        from reconciler.mapping.check import run_tests  # noqa: PLC0415  few specs have tests
        from reconciler.mapping.problems import MappingInvalid  # noqa: PLC0415  likewise

        spec = bench.entry.spec
        stream = self._context.around.manifests[bench.connector.name]["streams"][spec["entity"]]
        layers = [_layer("default", bench.connector, stream)]
        layers += [_layer(name, entry, entry.spec) for name, entry in bench.layers]
        try:
            mapper = self._mapper(effective(spec["entity"], layers))
        except MappingInvalid as error:
            return _Came(misfits=tuple(_misfits(error, bench.entry)))
        results = run_tests(mapper, spec["tests"])
        return _Came(tuple((one.name, () if one.passed else one.differences) for one in results))

    def _mapper(self, rules: Rules) -> "Mapper":
        from reconciler.mapping.compile import compile_rules  # noqa: PLC0415  likewise

        if rules.basis not in self._mappers:
            model = self._context.around.entities
            self._mappers[rules.basis] = compile_rules(rules, model[rules.entity], model)
        return self._mappers[rules.basis]

    def _tell(self, file: str, bench: _Bench, came: _Came, *, several: bool) -> None:
        entry, made = bench.entry, self._made
        where = f" (with the connector '{bench.connector.name}')" if several else ""
        for one in came.misfits:
            finding = Finding("R131", ("spec", *one.path), one.message, one.hint)
            made.found.append((file, entry, finding))
        for number, (name, differences) in enumerate(came.tests):
            tested = Trial(key_of(entry), number, name, bench.connector.name, differences)
            made.tested.append(tested)
            if differences:
                path: Way = ("spec", "tests", number)
                said = f"the test '{name}' fails{where}: {differences[0]}"
                said += f", and {len(differences) - 1} more" if len(differences) > 1 else ""
                made.found.append((file, entry, Finding("R130", path, said, _HINT)))


_HINT: Final = "correct the rule, or what is expected"


def _entity_of(entry: Entry) -> str:
    return entry.entities[0] if entry.entities else ""


def _layer(name: LayerName, entry: Entry, spec: Mapping[str, Any]) -> Layer:
    return Layer(
        name,
        str(key_of(entry)),
        spec.get("fields", {}),
        spec.get("customFields", {}),
        spec.get("inherit", True),
    )


def _misfits(error: Any, entry: Entry) -> Iterator[_Misfit]:
    """Yield what cannot be compiled: of the mapping itself by its place, else that it cannot be tested."""
    own = str(key_of(entry))
    problems: Sequence[Any] = error.problems
    for one in problems:
        if one.source == own:
            yield _Misfit(one.path, one.message, one.hint)
    if not any(one.source == own for one in problems):
        yield _Misfit(("tests",), f"it cannot be tested: {problems[0]}", "")


def _passes(came: _Came) -> bool:
    return not came.misfits and not any(differences for _, differences in came.tests)
