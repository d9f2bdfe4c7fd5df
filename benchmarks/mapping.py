"""Mapping a work order onto 18 unified fields: ours beside a function written by hand and four libraries.

    python -m pip install glom jsonata-python    # the two that the project itself does not use
    python benchmarks/mapping.py [--records 5000] [--rounds 9]

The libraries are used as their authors show it: jmespath and Jinja2 with a compiled expression a field,
glom with one spec, JSONata with one expression. The contestants take turns in every round; shown is the median CPU time a record. All give the same JSON,
which is compared first. "by hand" is what a person would write for this one source: no null checks but
where the source has nulls, no error that names a field. Ours checks every type and names the field.

From bytes: raw JSON in, unified JSON out, as a sync does it. From dicts: the mapping alone.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import MappingProxyType
from typing import Any

import jinja2
import jmespath
import msgspec

from reconciler.datamodel.entity import Entity, Field, FieldType
from reconciler.mapping.compile import compile_rules
from reconciler.mapping.generate import page_function, write_page
from reconciler.mapping.layers import Layer, effective
from reconciler.mapping.shape import Shape
from reconciler.mapping.steps import plan_steps

PAGE = 500
STATUSES = {
    "OPEN": "open",
    "IN_PROGRESS": "in_progress",
    "ON_HOLD": "on_hold",
    "WAITING_PARTS": "waiting",
    "COMPLETED": "done",
    "CANCELLED": "cancelled",
}
WORDS = [
    "pump",
    "valve",
    "conveyor",
    "bearing",
    "motor",
    "filter",
    "gearbox",
    "check",
    "replace",
    "align",
    "clean",
    "line",
    "north",
    "south",
]
KINDS: Mapping[str, str] = {
    "number": "string",
    "title": "string",
    "status": "string",
    "priority": "integer",
    "kind": "string",
    "asset_code": "string",
    "asset_name": "string",
    "site": "string",
    "requester_name": "string",
    "requester_email": "string",
    "assignee_email": "string",
    "total_cost": "decimal",
    "currency": "string",
    "due_date": "date",
    "created_at": "datetime",
    "updated_at": "datetime",
    "line_count": "integer",
    "line_items": "list",
}
RULES: Mapping[str, Any] = {
    "number": {"from": "number"},
    "title": {"from": "title"},
    "status": {"from": "status", "values": STATUSES},
    "priority": {"from": "priority"},
    "kind": {"from": "type"},
    "asset_code": {"from": "asset.code"},
    "asset_name": {"from": "asset.name"},
    "site": {"from": "asset.location.site"},
    "requester_name": {"from": "join(' ', [requester.first_name, requester.last_name])"},
    "requester_email": {"from": "requester.email"},
    "assignee_email": {"from": "assigned_to.email"},
    "total_cost": {"from": "total_cost"},
    "currency": {"from": "currency"},
    "due_date": {"from": "due_date", "format": "%m/%d/%Y"},
    "created_at": {"from": "created_at"},
    "updated_at": {"from": "updated_at"},
    "line_count": {"from": "length(line_items)"},
    "line_items": {"from": "line_items"},
}
SEARCHES = {name: jmespath.compile(rule["from"]) for name, rule in RULES.items()}

ENTITY = Entity(
    "jobs",
    "job",
    "jb",
    "Jobs",
    "Work orders.",
    MappingProxyType({name: Field(name, FieldType(kind), "") for name, kind in KINDS.items()}),
)


def work_order(rng: random.Random, number: int) -> dict[str, Any]:
    """Return a work order as a maintenance system gives it, of about 1.3 kB."""
    created = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(40_000_000))
    asset = rng.randrange(5000)
    lines = [
        {
            "sku": f"SP-{rng.randrange(9999):04}",
            "description": " ".join(rng.choices(WORDS, k=3)),
            "quantity": rng.randrange(1, 9),
            "amount": f"{rng.randrange(100, 90000) / 100:.2f}",
        }
        for _ in range(rng.randrange(1, 5))
    ]
    return {
        "id": 1_000_000 + number,
        "number": f"WO-{number:07}",
        "title": " ".join(rng.choices(WORDS, k=4)),
        "description": " ".join(rng.choices(WORDS, k=rng.randrange(12, 30))),
        "status": rng.choice(list(STATUSES)),
        "priority": rng.randrange(1, 6),
        "type": rng.choice(["preventive", "corrective", "inspection"]),
        "asset": {
            "id": asset,
            "code": f"EQ-{asset:05}",
            "name": f"{rng.choice(WORDS)} {asset}",
            "location": {"id": asset % 300, "site": f"Plant {asset % 7}", "room": f"R{asset % 97}"},
        },
        "requester": person(rng),
        "assigned_to": person(rng) if rng.random() < 0.8 else None,
        "line_items": lines,
        "labor_hours": rng.randrange(400) / 10,
        "total_cost": f"{rng.randrange(100, 900_000) / 100:.2f}",
        "currency": rng.choice(["EUR", "USD", "GBP"]),
        "tags": rng.sample(["safety", "hvac", "warranty", "audit"], rng.randrange(4)),
        "custom_fields": {
            "cost_center": f"CC-{rng.randrange(100, 200)}",
            "gl": str(rng.randrange(10**6)),
        },
        "due_date": (created + timedelta(days=rng.randrange(1, 90))).strftime("%m/%d/%Y"),
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated_at": (created + timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "completed_at": None,
        "is_deleted": False,
    }


def person(rng: random.Random) -> dict[str, Any]:
    number = rng.randrange(900)
    return {
        "id": number,
        "first_name": rng.choice(["Ada", "Jan", "Mei", "Omar"]),
        "last_name": f"Person{number}",
        "email": f"person{number}@example.com",
        "phone": f"+31 20 {number:07}",
    }


def by_hand(record: dict[str, Any]) -> dict[str, Any]:
    """Map one work order, as a person would write it."""
    asset, requester, due = record["asset"], record["requester"], record["due_date"]
    assigned, lines = record["assigned_to"], record["line_items"]
    return {
        "number": record["number"],
        "title": record["title"],
        "status": STATUSES[record["status"]],
        "priority": record["priority"],
        "kind": record["type"],
        "asset_code": asset["code"],
        "asset_name": asset["name"],
        "site": asset["location"]["site"],
        "requester_name": f"{requester['first_name']} {requester['last_name']}",
        "requester_email": requester["email"],
        "assignee_email": assigned["email"] if assigned else None,
        "total_cost": record["total_cost"],
        "currency": record["currency"],
        "due_date": f"{due[6:10]}-{due[0:2]}-{due[3:5]}",
        "created_at": record["created_at"],
        "updated_at": record["updated_at"],
        "line_count": len(lines),
        "line_items": lines,
        "custom_fields": {},
    }


def by_hand_checked(record: dict[str, Any]) -> dict[str, Any]:
    """Map one work order by hand, with numbers, days and times checked as ours checks them."""
    mapped = by_hand(record)
    float(mapped["total_cost"])
    datetime.fromisoformat(mapped["due_date"])
    datetime.fromisoformat(mapped["created_at"])
    datetime.fromisoformat(mapped["updated_at"])
    return mapped


def by_library(record: dict[str, Any]) -> dict[str, Any]:
    """Map one work order with one compiled expression of the jmespath library a field."""
    mapped = {name: search.search(record) for name, search in SEARCHES.items()}
    mapped["status"] = STATUSES[mapped["status"]]
    due = mapped["due_date"]
    mapped["due_date"] = f"{due[6:10]}-{due[0:2]}-{due[3:5]}"
    mapped["custom_fields"] = {}
    return mapped


JINJA: Mapping[str, str] = {
    **{name: str(rule["from"]) for name, rule in RULES.items()},
    "status": "statuses[status]",
    "requester_name": "requester.first_name ~ ' ' ~ requester.last_name",
    "assignee_email": "assigned_to.email if assigned_to else none",
    "due_date": "due_date[6:10] ~ '-' ~ due_date[0:2] ~ '-' ~ due_date[3:5]",
    "line_count": "line_items | length",
}


def by_jinja() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what maps one work order with one compiled expression of Jinja2 a field."""
    environment = jinja2.Environment(autoescape=True)
    environment.globals["statuses"] = STATUSES
    compiled = {
        name: environment.compile_expression(text, undefined_to_none=True)
        for name, text in JINJA.items()
    }
    return lambda record: (
        {name: made(record) for name, made in compiled.items()} | {"custom_fields": {}}
    )


def by_glom() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what maps one work order with one spec of glom."""
    glom = import_module("glom")
    coalesce, place = glom.Coalesce, glom.T
    spec: dict[str, Any] = {
        name: place[rule["from"]] for name, rule in RULES.items() if plain(rule)
    }
    spec["status"] = (place["status"], STATUSES.__getitem__)
    spec["asset_code"], spec["asset_name"] = place["asset"]["code"], place["asset"]["name"]
    spec["site"] = place["asset"]["location"]["site"]
    spec["requester_name"] = (
        place["requester"],
        lambda who: f"{who['first_name']} {who['last_name']}",
    )
    spec["requester_email"] = place["requester"]["email"]
    spec["assignee_email"] = coalesce(place["assigned_to"]["email"], default=None)
    spec["due_date"] = (place["due_date"], lambda due: f"{due[6:10]}-{due[0:2]}-{due[3:5]}")
    spec["line_count"] = (place["line_items"], len)
    ordered = {name: spec[name] for name in RULES} | {"custom_fields": lambda _: {}}
    glommer = glom.Glommer()
    return lambda record: dict(glommer.glom(record, ordered))


def plain(rule: Mapping[str, Any]) -> bool:
    return str(rule["from"]).isidentifier()


JSONATA: Mapping[str, str] = {
    **{name: str(rule["from"]) for name, rule in RULES.items()},
    "status": "$lookup($statuses, status)",
    "requester_name": "requester.first_name & ' ' & requester.last_name",
    "assignee_email": "assigned_to ? assigned_to.email : null",
    "due_date": "$substring(due_date, 6, 4) & '-' & $substring(due_date, 0, 2) & '-' & $substring(due_date, 3, 2)",
    "line_count": "$count(line_items)",
    "line_items": "[line_items]",
}


def by_jsonata() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what maps one work order with one expression of JSONata."""
    jsonata = import_module("jsonata")
    fields = ", ".join(f'"{name}": {text}' for name, text in JSONATA.items())
    expression = jsonata.Jsonata(f'{{{fields}, "custom_fields": {{}}}}')
    expression.assign("statuses", STATUSES)
    return lambda record: dict(expression.evaluate(record))


def libraries() -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return those that are installed."""
    found = {"jmespath library": by_library, "Jinja2": by_jinja()}
    for name, make in (("glom", by_glom), ("JSONata", by_jsonata)):
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed: left out")
    return found


def contestants() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what maps a page from bytes, and what maps a page from dicts."""
    rules = effective(ENTITY.name, [Layer("default", "Connector/bench", RULES, {})])
    mapper = compile_rules(rules, ENTITY, {ENTITY.name: ENTITY})
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    steps, _ = plan_steps(rules, ENTITY, {ENTITY.name: ENTITY})
    plain = page_function(
        write_page(steps, Shape(whole=True)), "jobs", decode=lambda raw: raw, encode=lambda one: one
    )

    def from_bytes(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        return lambda raws: [(encode(function(decode(raw))), None) for raw in raws]

    def from_dicts(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
        return lambda records: [(function(record), None) for record in records]

    hands = {
        "by hand": by_hand,
        "by hand, values checked": by_hand_checked,
        **libraries(),
    }
    return (
        {"ours": lambda raws: mapper("uid", raws)} | {k: from_bytes(f) for k, f in hands.items()},
        {"ours": lambda records: plain("uid", records)}
        | {k: from_dicts(f) for k, f in hands.items()},
    )


def measure(runs: Mapping[str, Any], items: list[Any], rounds: int) -> dict[str, float]:
    """Return the median CPU microseconds an item for each contestant."""
    pages = [items[start : start + PAGE] for start in range(0, len(items), PAGE)]
    times: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            for page in pages:
                run(page)
            times[name].append((time.process_time() - start) / len(items) * 1e6)
    return {name: statistics.median(taken) for name, taken in times.items()}


def show(title: str, times: Mapping[str, float]) -> None:
    print(f"\n{title:34}{'us a record':>12}{'x by hand':>12}")
    for name, taken in times.items():
        print(f"{name:34}{taken:12.2f}{taken / times['by hand']:12.2f}")
    others = [name for name in times if name != "ours" and not name.startswith("by hand")]
    said = ", ".join(f"{times[name] / times['ours']:.1f} x {name}" for name in others)
    print(f"ours is faster: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Mapping: ours beside others.")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    rng = random.Random(7)  # noqa: S311 - the same records in every run
    records = [work_order(rng, number) for number in range(asked.records)]
    raws = [msgspec.json.encode(record) for record in records]
    of_bytes, of_dicts = contestants()
    expected = of_bytes["by hand"](raws)
    for name, run in of_bytes.items():
        if run(raws) != expected:
            raise SystemExit(f"{name} gives something else")
    if [msgspec.json.encode(one) for one, _ in of_dicts["ours"](records)] != [
        one for one, _ in expected
    ]:
        raise SystemExit("ours from dicts gives something else")
    show("from bytes to bytes", measure(of_bytes, raws, asked.rounds))
    show("from dicts", measure(of_dicts, records, asked.rounds))


if __name__ == "__main__":
    main()
