"""An address in a spec does not lead into the operator's network."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Invalid, Unreachable
from reconciler.webhooks.targets import SETTING, Targets, is_public, networks, resolve
from reconciler.webhooks.wire import Wire
from tests.webhooks.conftest import DELIVERY, EVENT, Make, Receiver, hook

PRIVATE = [
    "0.0.0.0",  # noqa: S104  an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "9.255.255.255", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "2a00::1"]


def named(*addresses: str) -> Targets:
    """Return targets where every name has *addresses*."""

    async def known(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return Targets(resolve=known)


@pytest.mark.parametrize("address", [*PRIVATE, "::ffff:127.0.0.1", "::ffff:10.0.0.1"])
async def test_addresses_that_are_not_public_are_refused_whatever_else_a_name_has(
    address: str,
) -> None:
    for addresses in ((address,), ("1.1.1.1", address), (address, "2606:4700::1111")):
        with pytest.raises(Invalid, match="not a public address") as caught:
            await named(*addresses).of("hooks.example.com", 443, encrypted=True)
        assert SETTING in caught.value.hint


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_are_taken_but_not_in_clear(address: str) -> None:
    targets = named(address, address)
    assert await targets.of("hooks.example.com", 443, encrypted=True) == [address]
    with pytest.raises(Invalid, match="http://"):
        await targets.of("hooks.example.com", 80, encrypted=False)


@given(st.ip_addresses(network="2000::/3") | st.ip_addresses(v=4))
def test_what_is_public_to_us_is_global_to_python_too(address: object) -> None:
    found = ip_address(str(address))
    if is_public(found):
        assert found.is_global


@pytest.mark.parametrize(
    "spelling",
    ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1", "::1", "localhost"],
)
async def test_other_spellings_of_this_machine_are_seen_through(spelling: str) -> None:
    targets = Targets(resolve=resolve)
    with pytest.raises((Invalid, Unreachable)):
        await targets.of(spelling, 443, encrypted=True)


async def test_the_operator_can_allow_networks_and_http_to_them() -> None:
    async def known(_host: str, _port: int) -> Sequence[str]:
        return ["10.20.3.4", "::ffff:10.20.3.5"]

    targets = Targets(networks(["10.20.0.0/16"]), known)
    assert len(await targets.of("hooks.plant", 80, encrypted=False)) == 2
    with pytest.raises(Invalid):
        await Targets(networks(["10.21.0.0/16"]), known).of("hooks.plant", 80, encrypted=False)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "hooks.plant", "10.0.0.0/33", ""])
def test_what_is_no_network_is_an_error_that_names_the_setting(text: str) -> None:
    with pytest.raises(Invalid, match=SETTING):
        networks([text])


async def test_a_name_without_an_address_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await named().of("hooks.example.com", 443, encrypted=True)
    with pytest.raises(Unreachable):
        await resolve("no-such-name.invalid", 443)


async def test_a_name_that_is_answered_otherwise_the_second_time_gains_nothing(
    make: Make, receiver: Receiver
) -> None:
    """The first answer is allowed, all later ones are this machine: it is asked once a connection."""
    answers = [["::1"], ["127.0.0.1"], ["127.0.0.1"]]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    sender = make(wire=Wire(Targets(networks(["::1"]), rebinding)))
    to = hook(f"http://hooks.example.com:{receiver.port}/in")
    first = await sender.send(DELIVERY, EVENT, to)
    assert len(answers) == 2
    second = await sender.send(DELIVERY, EVENT, to)
    assert (first.status, second.status) == (0, 0)
    assert "127.0.0.1, which is not a public address" in second.answer
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"])
async def test_without_leave_nothing_on_this_machine_is_even_connected_to(
    make: Make, receiver: Receiver, host: str
) -> None:
    attempt = await make(allowed=()).send(
        DELIVERY, EVENT, hook(f"http://{host}:{receiver.port}/in")
    )
    assert attempt.status == 0
    assert receiver.connections == 0


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
async def test_of_several_addresses_the_first_that_answers_is_taken(
    make: Make, receiver: Receiver, addresses: list[str]
) -> None:
    async def known(_host: str, _port: int) -> Sequence[str]:
        return addresses

    sender = make(wire=Wire(Targets(networks(["127.0.0.0/8"]), known)))
    attempt = await sender.send(DELIVERY, EVENT, hook(f"http://hooks.invalid:{receiver.port}/in"))
    assert attempt.status == 204, attempt.answer
    assert receiver.connections == 1
