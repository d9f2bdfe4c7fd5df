"""What it costs to read specs: ours, cold and warm, beside the floor, in one run.

usage: specs.py [--sizes 100,1000,10000] [--rounds 3] [--shape files|documents|both]

A resource is a Mapping of 14 fields, about 1 kB; one file each, or 500 documents a file. The *floor* is
what any such reader does at least: the C parser's events to values with the line of each key, pydantic,
and a digest of the canonical JSON; its models are as wide as ours, and it checks nothing else. *cold* is
``load`` with an empty cache, *warm* with a full one. Each figure is the median of rounds of fresh
processes that only do this; CPU seconds are those of the work, without imports; the peak is of the
whole process, with interpreter, libraries and the texts.
"""

import argparse
import contextlib
import gc
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from yaml import (
    CSafeLoader,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.datamodel import entity as unified
from reconciler.model.value import digest_of
from reconciler.spec.load import load

DOCUMENT = """\
apiVersion: reconciler/v1
kind: Mapping
metadata:
  name: work-orders-{i}
  labels: {{team: maintenance, tier: "{t}"}}
  annotations:
    owner: ops-{p}@example.com
    plant: plant-{p}
spec:
  selector: {{matchLabels: {{plant: plant-{p}}}}}
  entity: work-orders
  inherit: true
  fields:
    number: {{from: number, type: string}}
    title: {{from: title}}
    description: {{from: description, type: string}}
    status:
      from: status
      values:
        OPEN: open
        IN_PROGRESS: in_progress
        ON_HOLD: on_hold
        COMPLETED: completed
    asset_code: {{from: asset.code}}
    asset_name: {{from: asset.name}}
    site: {{from: asset.location.site}}
    requester_name: {{template: "{{{{ source.first_name }}}} {{{{ source.last_name }}}}"}}
    requester_email: {{from: requester.email, default: none@example.com}}
    total_cost: {{from: total_cost, type: decimal}}
    currency: {{from: currency, default: EUR}}
    due_date:
      from: due_date
      type: date
      format: "%m/%d/%Y"
    line_count: {{from: length(line_items)}}
    updated_at: {{from: updated_at}}
"""
CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {{name: cmms-{p}, labels: {{plant: plant-{p}}}}}
spec: {{connector: cmms, config: {{base_url: "http://cmms-{p}.example.com"}}}}
"""
CONNECTOR = b"""\
apiVersion: reconciler/v1
kind: Connector
metadata: {name: cmms}
spec:
  title: A CMMS
  family: cmms
  protocol: http-json
  config: {base_url: {type: url, required: true}}
  auth: {open: {type: none}}
  probe: {path: /}
  streams: {work-orders: {request: {path: /work-orders}}}
"""
FIELDS = tuple(re.findall(r"^    (\w+):", DOCUMENT, re.MULTILINE))
PLANTS = 50


def texts(count: int, shape: str) -> dict[str, bytes]:
    documents = [DOCUMENT.format(i=i, p=i % PLANTS, t=i % 3) for i in range(count)]
    files = {f"connections/{p}.yaml": CONNECTION.format(p=p).encode() for p in range(PLANTS)}
    size = 1 if shape == "files" else 500
    for at in range(0, count, size):
        files[f"mappings/{at:05d}.yaml"] = "---\n".join(documents[at : at + size]).encode()
    return files


def entities() -> dict[str, unified.Entity]:
    fields = {name: unified.Field(name, unified.FieldType.STRING, name) for name in FIELDS}
    status = ("open", "in_progress", "on_hold", "completed", "other")
    fields["status"] = unified.Field("status", unified.FieldType.ENUM, "status", enum=status)
    work_orders = unified.Entity("work-orders", "work-order", "wo", "Work orders", "", fields)
    return {"work-orders": work_orders}


# ── the floor ────────────────────────────────────────────────────────────────────────────────────

CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}


def floor_scalar(text: str) -> Any:
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] in "-+.0123456789":
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(text)
    return text


def floor_read(text: str) -> list[Any]:  # noqa: C901  the floor is one loop, as one writes it by hand
    """Return the values of all documents, with the line of every key: no limits, no refusals."""
    get = CSafeLoader(text).get_event
    lines: dict[tuple[int, str], int] = {}
    found: list[Any] = []
    stack: list[Any] = []
    current: Any = None
    key: Any = None
    while (event := get()) is not None:
        kind = event.__class__
        if kind is ScalarEvent:
            value = floor_scalar(event.value) if event.implicit[0] else event.value
            if current.__class__ is dict:
                if key is None:
                    key = value
                    lines[id(current), value] = event.start_mark.line
                else:
                    current[key] = value
                    key = None
            elif current is not None:
                current.append(value)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            new: Any = {} if kind is MappingStartEvent else []
            if current is None:
                found.append(new)
            elif current.__class__ is dict:
                current[key] = new
            else:
                current.append(new)
            stack.append(current)
            current, key = new, None
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            current = stack.pop()
            key = None
    return found


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class Metadata(Strict):
    """Name and labels."""

    name: Name
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Rule(Strict):
    """One field."""

    from_: str | None = Field(None, alias="from")
    template: str | None = None
    value: Any = None
    values: dict[str, str] | None = None
    unknown: Literal["other", "keep", "null", "error"] | None = None
    type: Literal["string", "integer", "decimal", "boolean", "date", "datetime"] | None = None
    format: str | None = None
    default: Any = None


class Spec(Strict):
    """A mapping or a connection."""

    selector: dict[str, dict[str, str]] | None = None
    entity: str = ""
    inherit: bool = True
    fields: dict[str, Rule] = Field(default_factory=dict)
    connector: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)


class Document(Strict):
    """As wide as our models, without what ours check beside types and names."""

    api_version: Literal["reconciler/v1"] = Field(alias="apiVersion")
    kind: Literal["Mapping", "Connection"]
    metadata: Metadata
    spec: Spec


def run_floor(files: dict[str, bytes]) -> int:
    digests = {}
    for content in files.values():
        for value in floor_read(content.decode()):
            Document.model_validate(value)
            digests[value["kind"], value["metadata"]["name"]] = digest_of(value)
    return len(digests)


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────


def run_ours(files: dict[str, bytes], cache: dict[bytes, bytes]) -> int:
    loaded = load(files, catalogue={"cmms.yaml": CONNECTOR}, cache=cache, entities=entities())
    if loaded.problems:
        raise SystemExit(f"{len(loaded.problems)} problems, such as {loaded.problems[0]}")
    return len(loaded.resources)


def measure(what: str, count: int, shape: str) -> dict[str, float]:
    """Do one thing once in this process, and tell what it cost."""
    gc.set_threshold(50_000)  # as the command line does; floor and ours alike
    warm_up = texts(3, shape)
    run_floor(warm_up)
    run_ours(warm_up, {})
    files = texts(count, shape)
    cache: dict[bytes, bytes] = {}
    if what == "warm":
        run_ours(files, cache)
        gc.collect()
    started = time.process_time()
    found = run_floor(files) if what == "floor" else run_ours(files, cache)
    spent = time.process_time() - started
    if found != count + PLANTS:
        raise SystemExit(f"{found} resources instead of {count + PLANTS}")
    return {"cpu": spent, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def table(sizes: list[int], shapes: list[str], rounds: int) -> None:
    print(
        f"{'shape':<10} {'resources':>9}  {'what':<6} {'CPU s':>8} {'us each':>8} {'x floor':>8} {'peak MiB':>9}"
    )
    for shape in shapes:
        for count in sizes:
            found: dict[str, list[dict[str, float]]] = {"floor": [], "cold": [], "warm": []}
            for _ in range(rounds):
                for what, figures in found.items():
                    figures.append(in_a_process(what, count, shape))
            floor = statistics.median(one["cpu"] for one in found["floor"])
            for what, figures in found.items():
                cpu = statistics.median(one["cpu"] for one in figures)
                peak = statistics.median(one["peak"] for one in figures)
                each = cpu / count * 1e6
                print(
                    f"{shape:<10} {count:>9,}  {what:<6} {cpu:>8.3f} {each:>8.1f} {cpu / floor:>8.2f} {peak:>9.0f}"
                )


def in_a_process(what: str, count: int, shape: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", what, "--sizes", str(count), "--shape", shape]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", default="both", choices=["files", "documents", "both"])
    parser.add_argument("--measure", choices=["floor", "cold", "warm"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    if given.measure:
        print(json.dumps(measure(given.measure, sizes[0], given.shape)))
        return
    shapes = ["files", "documents"] if given.shape == "both" else [given.shape]
    table(sizes, shapes, given.rounds)


if __name__ == "__main__":
    main()
