"""The page on metrics: what is exported is in it, and what is in it is exported; its rules can be used."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.model.change import Create
from reconciler.model.event import Attempt, Event, EventType
from reconciler.model.verdict import Done
from reconciler.ports import Answered, Look, LookEnd
from reconciler.telemetry.docs import metrics_page
from reconciler.telemetry.families import LIBRARY, OURS, Family, Shape
from tests.fakes import NOON
from tests.plant import Plant, connection
from tests.telemetry.reading import OPEN, read, shapes
from tests.telemetry.test_meter import RUN, SECOND
from tests.telemetry.test_page import Watched

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
TABLE = {family.name: family for family in (*OURS, *LIBRARY)}
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture
def full(plant: Plant) -> Watched:
    """A page on which every metric has a sample."""
    watched = Watched(plant)
    meter = watched.meter
    meter.looked(Look(LookEnd.APPLIED, (Create(connection()),)), NOON, SECOND)
    meter.turned("specs", Done(), waited=SECOND, took=SECOND)
    meter.synced(RUN, "plant")
    meter.attempted(Attempt(NOON, 204, SECOND), Event("e", EventType.SYNC_FAILED, "s", NOON))
    meter.answered(Answered("GET", "/metrics", 200, SECOND))
    return watched


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == metrics_page()


async def test_what_is_exported_is_in_the_table_and_the_other_way_round(full: Watched) -> None:
    exported = shapes(read(await full.pages.page(OPEN)))
    assert exported == {name: family.shape.value for name, family in TABLE.items()}


async def test_every_sample_has_the_labels_of_the_table(full: Watched) -> None:
    ends = {Shape.COUNTER: "_total", Shape.INFO: "_info"}
    for metric in read(await full.pages.page(OPEN)):
        family = TABLE[f"{metric.name}{ends.get(Shape(metric.type), '')}"]
        assert metric.samples, family.name
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(family.labels), sample.name


@pytest.mark.parametrize("family", OURS, ids=lambda family: family.name)
def test_a_name_keeps_the_conventions(family: Family) -> None:
    assert family.name.startswith("reconciler_")
    assert family.name.endswith("_total") == (family.shape is Shape.COUNTER)
    assert family.name.endswith("_info") == (family.shape is Shape.INFO)
    assert bool(family.buckets) == (family.shape is Shape.HISTOGRAM)
    assert list(family.buckets) == sorted(set(family.buckets))
    if family.shape is Shape.HISTOGRAM:
        assert family.name.endswith("_seconds")
    assert not re.search(r"_(ms|milliseconds|minutes|kb|percent)\b", family.name)
    assert family.meaning.endswith(".")


def rules() -> list[dict[str, Any]]:
    (block,) = (text for text in BLOCKS if "alert:" in text)
    (group,) = yaml.safe_load(block)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_every_yaml_of_the_page_can_be_read() -> None:
    assert len(BLOCKS) == 2
    for block in BLOCKS:
        assert isinstance(yaml.safe_load(block), dict)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_rule_has_what_prometheus_asks_of_one(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Reconciler[A-Za-z]+", rule["alert"])
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"]["summary"]
    expression = re.sub(r'"[^"]*"', "", rule["expr"])
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_rule_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    asked = re.findall(r"(reconciler_\w+|\bup\b)(?:\{(\w+)=\"(\w+)\"\})?", rule["expr"])
    assert asked
    for name, label, _ in asked:
        if name == "up":
            continue
        family = TABLE.get(name) or next(
            TABLE[name.removesuffix(end)] for end in SUFFIXES if name.endswith(end)
        )
        assert not label or label in family.labels
        told = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
        assert set(told) <= set(family.labels)


def test_the_words_that_rules_ask_for_are_among_those_that_the_table_names() -> None:
    words = {
        word
        for rule in rules()
        for name, word in re.findall(r'\{(\w+)="(\w+)"\}', rule["expr"])
        if name != "job"
    }
    table = "".join(family.meaning for family in OURS)
    assert words
    assert not [word for word in words if f"`{word}`" not in table]
