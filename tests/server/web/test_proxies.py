"""groupnl.server.web.proxies: whose word about the client counts."""

import pytest

from groupnl.server.web.proxies import MOST_PROXIES, Header, Proxies

PEER, OUTER, CLIENT, FORGED = "10.0.0.1", "10.9.9.9", "203.0.113.7", "6.6.6.6"
TRUSTED = ("10.0.0.0/8", "2001:db8::/32")


def _client(header: Header, *values: str, peer: str = PEER, trusted: tuple[str, ...] = TRUSTED) -> str:
    return Proxies(trusted, header).client(peer, lambda name: values if name == header.lower() else ("1.1.1.1",))


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ([], PEER),
        ([CLIENT], CLIENT),
        ([f"{FORGED}, {CLIENT}"], CLIENT),  # what the client itself sent stands first
        ([FORGED, CLIENT], CLIENT),  # also in a line of its own
        ([f"{FORGED},{CLIENT} , {OUTER}"], CLIENT),  # two proxies
        ([f"{OUTER},{OUTER}"], OUTER),  # all of them proxies: who is first asked
        ([f"{CLIENT}:4711"], CLIENT),
        (["[2a00::7]:4711"], "2a00::7"),
        (["2A00::0:7"], "2a00::7"),
        ([f"::ffff:{CLIENT}"], CLIENT),
        (["unknown"], PEER),
        ([f"{CLIENT}, unknown"], PEER),
        ([f"{CLIENT}, unknown, {OUTER}"], OUTER),
        ([""], PEER),
        (["1.2.3.4\x1b[2J"], PEER),
        (['fe80::1%\n{"forged": "line"}'], PEER),
        (["[fe80::1%\x9b2J]:80"], PEER),
        (["٣.3.3.3"], PEER),
        (["01.2.3.4"], PEER),
        ([",".join([FORGED] + [OUTER] * 6000)], OUTER),
    ],
)
def test_x_forwarded_for(values: list[str], client: str) -> None:
    assert _client("X-Forwarded-For", *values) == client


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ([f"for={CLIENT}"], CLIENT),
        ([f'For="{CLIENT}:4711";proto=http; by=10.0.0.1'], CLIENT),
        (['for="[2a00::7]:4711"'], "2a00::7"),
        ([f"for={FORGED}, for={CLIENT};proto=https"], CLIENT),
        ([f"for={FORGED}", f"proto=https;for={CLIENT}"], CLIENT),
        ([f'for={CLIENT};by="a,b;for={FORGED}", for={OUTER}'], CLIENT),
        ([f'for="{FORGED}', f"for={CLIENT}"], CLIENT),  # a quote without an end, in the client's own line
        ([f'for="{FORGED}, for={CLIENT}'], PEER),  # in the same line it hides what the proxy said, and wins nothing
        ([f'for="{FORGED}, for="[2a00::7]:4711"'], PEER),
        ([f"for={CLIENT}, for=_hidden"], PEER),
        ([f"for={CLIENT}, proto=http"], PEER),
        ([f"for={CLIENT} {FORGED}"], PEER),
        (["for=unknown"], PEER),
        (['for="\\1.2.3.4"'], "1.2.3.4"),
        (['for="1.2.3.4\\"'], PEER),
        (["", "=,;"], PEER),
        ([f"for={CLIENT}, for=="], PEER),
        ([f", for={CLIENT}"], CLIENT),  # elements and pairs may be empty
        ([f"for={FORGED},,for={CLIENT} , ,"], CLIENT),
        ([f"for={CLIENT}", ""], CLIENT),
        ([f"for={CLIENT};;proto=https"], CLIENT),
        ([f"; for={CLIENT} ; "], CLIENT),
        ([f"for={FORGED}, ;"], PEER),  # an element, in which nobody says who asked
        ([f"for={FORGED}, {' ' * 100_000}x"], PEER),
    ],
)
def test_forwarded(values: list[str], client: str) -> None:
    assert _client("Forwarded", *values) == client


@pytest.mark.parametrize("peer", ["192.0.2.1", "2a00::1"])
def test_nobody_else_is_believed(peer: str) -> None:
    assert _client("X-Forwarded-For", CLIENT, peer=peer) == peer


@pytest.mark.parametrize("trusted", [TRUSTED, ()])
@pytest.mark.parametrize("peer", ["", "10.0.0.1.example.org", "unknown", '1.1.1.1\n{"forged": "line"}', "%eth0"])
def test_a_peer_that_is_no_address_is_nobody(peer: str, trusted: tuple[str, ...]) -> None:
    assert _client("X-Forwarded-For", CLIENT, peer=peer, trusted=trusted) == ""


def test_the_zone_of_a_peer_is_left_out() -> None:
    assert _client("X-Forwarded-For", CLIENT, peer="fe80::1%eth0") == "fe80::1"
    assert _client("X-Forwarded-For", CLIENT, peer="fe80::1%eth0", trusted=("fe80::/10",)) == CLIENT


def test_by_itself_nobody_is() -> None:
    assert Proxies().client("127.0.0.1", lambda name: pytest.fail("nothing is to be read")) == "127.0.0.1"


def test_addresses_and_networks_are_trusted() -> None:
    for peer in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::5"):
        assert _client("X-Forwarded-For", CLIENT, peer=peer, trusted=("192.0.2.1", "2001:db8::5/128")) == CLIENT


def test_there_is_an_end_to_proxies() -> None:
    assert _client("X-Forwarded-For", ",".join([CLIENT] + [OUTER] * (MOST_PROXIES - 1))) == CLIENT
    assert _client("X-Forwarded-For", ",".join([CLIENT] + [OUTER] * MOST_PROXIES)) == OUTER
