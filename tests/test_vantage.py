"""Where a tap sat: near one end, near both, between, or nothing that tells."""

from __future__ import annotations

import pytest

from rawshake.rules.model import Vantage
from rawshake.tcp.view import End
from rawshake.vantage import infer
from tests.rules.play import steps_of

FAR = """
    > S 0:0(0) win 65535 [ttl {client}]
    +{server_takes} < S. 0:0(0) ack 1 win 65535 [ttl {server}]
    +{client_takes} > . 1:1(0) ack 1 win 65535 [ttl {client}]
"""


def vantage(
    client: int = 64, server: int = 64, server_takes: str = "0.0001", client_takes: str = "0.0001"
) -> Vantage:
    text = FAR.format(client=client, server=server, server_takes=server_takes, client_takes=client_takes)
    return infer(steps_of(text))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Vantage.NEAR_BOTH),
        ({"client": 128, "server": 255}, Vantage.NEAR_BOTH),
        ({"server": 57, "server_takes": "0.03"}, Vantage.NEAR_CLIENT),
        ({"client": 113, "client_takes": "0.03"}, Vantage.NEAR_SERVER),
        ({"client": 60, "server": 57, "client_takes": "0.015", "server_takes": "0.03"}, Vantage.BETWEEN),
        # A container's host: one router to the client, which answers at once.
        ({"client": 63, "server": 50, "server_takes": "0.05"}, Vantage.NEAR_CLIENT),
        # No router to be seen, but the answer took its time: a tunnel.
        ({"server": 57, "server_takes": "0.03", "client_takes": "0.1"}, Vantage.BETWEEN),
        # The TTL says near the client, the times say near the server.
        (
            {"server": 60, "client_takes": "0.015", "server_takes": "0.0001"},
            Vantage.UNKNOWN,
        ),
        # Many routers, and yet fast: a TTL that somebody has set.
        ({"client": 40, "server": 50, "server_takes": "0.05"}, Vantage.BETWEEN),
    ],
)
def test_times_and_ttls_tell(given: dict[str, str], expected: Vantage) -> None:
    assert vantage(**given) is expected  # type: ignore[arg-type]


def test_a_checksum_left_to_the_hardware_was_seen_on_its_host() -> None:
    text = """
        > S 0:0(0) win 65535 [checksum unverifiable] [ttl 60]
        +1 < S. 0:0(0) ack 1 win 65535 [ttl 60]
        > . 1:1(0) ack 1 win 65535 [checksum unverifiable] [ttl 60]
    """
    assert infer(steps_of(text)) is Vantage.NEAR_CLIENT


def test_one_right_checksum_shows_that_they_are_filled_in_before_the_tap() -> None:
    text = """
        > S 0:0(0) win 65535 [checksum unverifiable] [ttl 60]
        +1 < S. 0:0(0) ack 1 win 65535 [ttl 60]
        +1 > . 1:1(0) ack 1 win 65535 [ttl 60]
    """
    assert infer(steps_of(text)) is Vantage.BETWEEN


def test_what_was_cut_short_has_no_checksum_to_go_by() -> None:
    text = """
        > P. 1:6(5) ack 1 win 65535 [checksum unverifiable] [captured 0] [ttl 60]
        < P. 1:6(5) ack 6 win 65535 [ttl 60]
    """
    assert infer(steps_of(text)) is Vantage.BETWEEN


def test_rawshake_is_near_the_end_that_it_plays() -> None:
    text = FAR.format(client=64, server=50, server_takes="0.05", client_takes="0.05")
    assert infer(steps_of(text, ours=End.CLIENT)) is Vantage.NEAR_CLIENT


def test_a_handshake_of_which_a_part_came_twice_times_nothing() -> None:
    text = """
        > S 0:0(0) win 65535 [ttl 60]
        +1 > S 0:0(0) win 65535 [ttl 60]
        < S. 0:0(0) ack 1 win 65535 [ttl 64]
        > . 1:1(0) ack 1 win 65535 [ttl 60]
    """
    assert infer(steps_of(text)) is Vantage.NEAR_SERVER


def test_without_a_handshake_the_ttls_must_do() -> None:
    near, far = "> P. 1:6(5) ack 1 win 65535\n", "< P. 1:6(5) ack 6 win 65535 [ttl 60]"
    assert infer(steps_of(near + far)) is Vantage.NEAR_CLIENT
    assert infer(steps_of(near)) is Vantage.NEAR_CLIENT


@pytest.mark.parametrize(
    "text",
    [
        "> P. 1:6(5) ack 1 win 65535 [ttl 60]",
        "> R 1:1(0) win 0 [ttl 60]",
        "",
    ],
    ids=["midstream", "a reset", "nothing"],
)
def test_too_few_signs(text: str) -> None:
    assert infer(steps_of(text) if text else []) is Vantage.UNKNOWN


@pytest.mark.parametrize(
    ("where", "client", "server"),
    [
        (Vantage.NEAR_CLIENT, True, False),
        (Vantage.NEAR_SERVER, False, True),
        (Vantage.NEAR_BOTH, True, True),
        (Vantage.BETWEEN, False, False),
        (Vantage.UNKNOWN, False, False),
    ],
)
def test_near_whom(where: Vantage, client: bool, server: bool) -> None:
    assert (where.near(End.CLIENT), where.near(End.SERVER)) == (client, server)
