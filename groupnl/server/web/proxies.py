"""Who asks, where proxies stand between: their word counts, and nobody else's.

A proxy adds the address of whoever connected to it at the end of a header. So the header is read from its end: what a
trusted proxy has written tells who asked that proxy; if that is a trusted proxy, too, what stands before it counts, and
so on. What a client has written itself stands before all that, and is never reached. Only one header is read: a proxy
that writes one leaves the other as the client sent it.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator

Header = Literal["X-Forwarded-For", "Forwarded"]
MOST_PROXIES = 16  # between a client and the service; what stands further from a header's end is not read
_SIGNS = re.compile(r"[0-9A-Fa-f.:]{2,45}")  # no zones of IPv6 (fe80::1%...), in which anything may stand
_WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](?::\d{1,5})?|(?P<four>[0-9.]+):\d{1,5}", re.ASCII)
# A pair of a `Forwarded`, which may be empty, and what ends it.
_PAIR = re.compile(
    r'\s*(?:(?P<name>[^\s=,;"]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,;"]*))\s*)?(?P<end>[,;]|\Z)'
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"it must be an address or a network, such as 10.0.0.7 or 10.0.0.0/8 ({error})") from None
    return text


Network = Annotated[str, AfterValidator(_network)]


class Proxies:
    """The proxies that are trusted.

    Args:
        networks: where they are: addresses, and networks such as ``10.0.0.0/8``.
        header: in which they tell who asks.
    """

    def __init__(self, networks: Sequence[Network] = (), header: Header = "X-Forwarded-For") -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._name = header.lower()
        self._split = _elements if header == "Forwarded" else _items

    def client(self, peer: str, values: Callable[[str], Sequence[str]]) -> str:
        """The address of who asks, whatever has been sent: an address in any case, or empty where the peer has none.

        Args:
            peer: address of who has connected.
            values: gives a header's values, in their order, by its name in small letters.
        """
        found = _address(peer.partition("%")[0])  # without the zone of IPv6
        if found is None:
            return ""
        if not self._trusts(found):
            return str(found)
        for number, said in enumerate(self._from_the_end(values(self._name))):
            address = _address(said)
            if address is None or number == MOST_PROXIES:  # unknown, hidden, or nonsense: who said so is the last known
                break
            found = address
            if not self._trusts(found):
                break
        return str(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _from_the_end(self, values: Sequence[str]) -> Iterator[str]:
        for value in reversed(values):
            yield from reversed(self._split(value))


def _items(value: str) -> list[str]:
    """What stands in an ``X-Forwarded-For``, without what is too far from its end."""
    return value.rsplit(",", MOST_PROXIES + 1)[-MOST_PROXIES - 1 :]


def _elements(value: str) -> list[str]:
    """Who asked, of each element of a ``Forwarded`` (RFC 7239) in which something stands; empty where it does not say.

    Where not all of the value can be read, there is one, which is empty.
    A quote without an end would take in what a proxy has added behind it; so such a value tells nothing.
    """
    found: list[str] = []
    asker, is_empty, place = "", True, 0
    while pair := _PAIR.match(value, place):
        if pair["name"] is not None and pair["name"].lower() == "for":
            asker = pair["plain"] if pair["quoted"] is None else re.sub(r"\\(.)", r"\1", pair["quoted"])
        is_empty = is_empty and pair["name"] is None and pair["end"] != ";"
        if pair["end"] != ";":
            found += [] if is_empty else [asker]
            asker, is_empty = "", True
        if not pair["end"]:
            return found
        place = pair.end()
    return [""]


def _address(text: str) -> Address | None:
    """An address, with or without a port; None where it is none. IPv4 within IPv6 is IPv4."""
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match["four"] or match["six"]
    if not _SIGNS.fullmatch(text):
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if address.version == 6 else None) or address
