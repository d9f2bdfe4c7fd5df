"""How often an address has presented no valid token: beyond its allowance it is told to wait (GCRA)."""

import math
from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_network
from typing import Final

from reconciler.engine.tokens import address_of

KEPT: Final = 10_000
"""How many addresses are remembered at most; the one that was quiet for longest is forgotten first."""
SIXTY_FOUR: Final = 64
"""IPv6 hands a whole /64 to one customer (RFC 6177): all of it is one address here."""


class Attempts:
    """Failed authentications: *rate* a minute for each address, as many of them at once.

    It tells wrong tokens apart from too many of them; a right one is never refused for its address, which
    many may share behind a proxy. 256 bits of chance need no lock: this keeps the log and the store quiet.
    """

    def __init__(self, rate: int, *, kept: int = KEPT) -> None:
        self._each = timedelta(minutes=1) / rate
        self._spare = timedelta(minutes=1) - self._each
        self._kept = kept
        self._free_at: OrderedDict[str, datetime] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._free_at)

    def failed(self, peer: str | None, now: datetime) -> int:
        """Count one failure of *peer*; return how many seconds it is to wait, 0 if it need not."""
        place = _place(peer)
        free_at = max(self._free_at.get(place, now), now)
        over = free_at - now - self._spare
        if over > timedelta(0):
            self._free_at.move_to_end(place)
            return max(1, math.ceil(over.total_seconds()))
        self._free_at[place] = free_at + self._each
        self._free_at.move_to_end(place)
        while len(self._free_at) > self._kept:
            self._free_at.popitem(last=False)
        return 0


def _place(peer: str | None) -> str:
    address = address_of(peer)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, SIXTY_FOUR), strict=False))
    return str(address)
