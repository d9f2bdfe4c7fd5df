"""The words: canonical values, durations, identities, and how states move."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.connection import ConnectionState, ConnectionStatus, Probe
from reconciler.model.duration import format_duration, parse_duration
from reconciler.model.event import Attempt, Delivery, DeliveryStatus
from reconciler.model.identity import connection_uid, record_id
from reconciler.model.resource import Kind, Origin, ResourceKey, make_resource
from reconciler.model.value import canonical, digest_of
from tests.fakes import NOON

KEY = ResourceKey(Kind.CONNECTION, "acme")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_the_order_of_keys_makes_no_difference(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    assert canonical(turned) == canonical(value)
    assert digest_of(turned) == digest_of(value)


@given(st.integers(0, 10**8))
def test_a_duration_survives_being_written(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "written"), [("60m", "1h"), ("24h", "1d"), ("90s", "90s"), ("2w", "14d")]
)
def test_equal_durations_are_one_text(text: str, written: str) -> None:
    assert format_duration(parse_duration(text)) == written


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h", "5M", "12:30"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="90d"):
        parse_duration(text)


def test_the_same_source_record_has_the_same_id_for_ever() -> None:
    assert record_id("po", "a1b2", "7") == record_id("po", "a1b2", "7")
    assert len({record_id(p, c, s) for p in ("po", "wo") for c in "ab" for s in "12"}) == 8


def test_a_new_connection_does_not_take_the_identity_of_a_renamed_one() -> None:
    first = connection_uid("acme")
    assert connection_uid("acme") == first
    assert connection_uid("acme", taken=frozenset({first})) != first


def test_a_resource_is_its_body_whatever_the_order_of_keys() -> None:
    one = make_resource(KEY, {"spec": {"a": 1, "b": 2}})
    two = make_resource(KEY, {"spec": {"b": 2, "a": 1}}, origin=Origin("x.yaml", 3))
    assert one.digest == two.digest
    assert (one.spec, one.labels) == ({"a": 1, "b": 2}, {})
    assert str(one.key) == "Connection/acme"
    assert str(two.origin) == "x.yaml:3:1"


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ("ANSWERED", "online"),
        ("REFUSED", "degraded"),
        ("REFUSED REFUSED", "needs_reauth"),
        ("REFUSED REFUSED SILENT REFUSED", "needs_reauth"),
        ("REVOKED", "needs_reauth"),
        ("SILENT SILENT SILENT", "offline"),
        ("THROTTLED", "degraded"),
        ("REFUSED REFUSED ANSWERED", "online"),
        ("REFUSED ANSWERED REFUSED", "degraded"),
    ],
)
def test_probes_move_a_connection(probes: str, status: str) -> None:
    state = ConnectionState(KEY, "", ConnectionStatus.PENDING, NOON)
    for name in probes.split():
        state = state.after(Probe[name], NOON)
    assert state.status.value == status


def test_since_moves_only_with_the_status() -> None:
    later = NOON + timedelta(hours=1)
    state = ConnectionState(KEY, "", ConnectionStatus.ONLINE, NOON).after(Probe.ANSWERED, later)
    assert state.since == NOON
    assert state.after(Probe.SILENT, later).since == later


WAITS = (timedelta(0), timedelta(seconds=5), timedelta(minutes=5))


def test_a_delivery_ends_delivered_or_dead_after_its_last_wait() -> None:
    delivery = Delivery("d", "e", "ops", NOON)
    failed = Attempt(NOON, 500, timedelta(0))
    once = delivery.after(failed, WAITS)
    assert (once.status, once.due_at) == (DeliveryStatus.PENDING, NOON + timedelta(seconds=5))
    assert once.after(Attempt(NOON, 204, timedelta(0)), WAITS).status is DeliveryStatus.DELIVERED
    refused = once.after(Attempt(NOON, 550, timedelta(0), "no such user", final=True), WAITS)
    assert refused.status is DeliveryStatus.DEAD
    assert refused.reason == "it is refused for good: no such user"
    dead = once.after(failed, WAITS).after(failed, WAITS)
    assert (dead.status, len(dead.attempts)) == (DeliveryStatus.DEAD, 3)
