"""Windows that move: what shrinks one, and what only seems to."""

from __future__ import annotations

import pytest

from rawshake.rules import select
from tests.rules.play import findings_of

RULES = select(["windows"])
#: MP_CAPABLE, of version 1 (RFC 8684 section 3.1).
MPTCP = "raw 1e040181"


def shrinks(client: str, server: str) -> str:
    """Of 65535 octets 64435 are taken back."""
    return f"""
        > S 0:0(0) win 65535 {client}
        < S. 0:0(0) ack 1 win 65535 {server}
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 1000
    """


@pytest.mark.parametrize(
    ("client", "server", "broken"),
    [
        ("", "", True),
        (f"<{MPTCP}>", f"<{MPTCP}>", False),
        # The server fell back to plain TCP, whose window is its own.
        (f"<{MPTCP}>", "", True),
    ],
)
def test_one_subflow_of_several_cannot_tell_what_the_window_is(
    client: str, server: str, broken: bool
) -> None:
    expected = ["window-not-shrunk WARN server 5"] if broken else []
    assert findings_of(shrinks(client, server), RULES) == expected
