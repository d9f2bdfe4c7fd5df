"""Where what is told may go: public addresses, and those that the operator has allowed.

Specs come from a repository and may be written by others, so an address in them must not lead into the
operator's network. A name is resolved once, every address that it has is checked, and the connection is
made to an address that was checked: a name that is answered otherwise a second time gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from reconciler.errors import Invalid, Unreachable

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host's name."""

SETTING: Final = "RECONCILER_ALLOWED_TARGETS"

_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "168.63.129.16/32",  # the platform's own service in Azure
        # https://www.iana.org/assignments/iana-ipv6-special-registry
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""For what the operator has named, and nobody else can."""

LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

_PUBLIC_V6: Final = ip_network("2000::/3")
"""All that is given out of IPv6; what is outside of it is private, local, embedded or unknown."""


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that an operator has written: ``10.20.0.0/16``, ``127.0.0.1``, ``::1``.

    Raises:
        Invalid: if one is no network.
    """
    found = []
    for text in texts:
        try:
            found.append(ip_network(text))
        except ValueError as error:
            raise Invalid(
                f"{SETTING}: {error}", hint="write networks, for example 10.20.0.0/16,127.0.0.1"
            ) from None
    return tuple(found)


def is_public(address: Address) -> bool:
    """Return whether anybody on the internet can have *address*, in whatever form it is written.

    ``ipaddress.is_global`` is not asked: it takes several embedded forms of private addresses for global.
    """
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of *host*, as the machine resolves names.

    Raises:
        Unreachable: if it has none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"the name {host} has no address") from None
    return [str(entry[4][0]) for entry in found]


class Targets:
    """Tells to which addresses of a host a connection may be made."""

    def __init__(self, allowed: Iterable[Network] = (), resolve: Resolve = resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve

    async def of(self, host: str, port: int, *, encrypted: bool) -> Sequence[str]:
        """Return the addresses of *host*, all of them checked.

        Raises:
            Invalid: if one of them may not be connected to.
            Unreachable: if there is none.
        """
        found = list(dict.fromkeys(await self._resolve(host, port)))
        if not found:
            raise Unreachable(f"the name {host} has no address")
        for text in found:
            self._check(host, _plain(ip_address(text)), encrypted=encrypted)
        return found

    def check(self, text: str) -> None:
        """Return if a connection may be made to the address *text*.

        Raises:
            Invalid: if not, or if it is a name.
        """
        try:
            address = _plain(ip_address(text))
        except ValueError:
            raise Invalid(f"{text!r} is no address that could be checked") from None
        self._check("it", address, encrypted=True)

    def _check(self, host: str, address: Address, *, encrypted: bool) -> None:
        if any(address in network for network in self._allowed):
            return
        if not is_public(address):
            raise Invalid(
                f"{host} leads to {address}, which is not a public address",
                hint=f"if alerts may go there, add it to {SETTING} of the reconciler",
            )
        if not encrypted:
            raise Invalid(
                f"{host}: what is not encrypted (http://) goes only to addresses that are allowed for it",
                hint=f"use TLS (https://), or add {address} to {SETTING} of the reconciler",
            )


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address is only another spelling of; or the address."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
