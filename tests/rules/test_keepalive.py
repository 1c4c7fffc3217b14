"""Keep-alives: what was outstanding when one went out, as far as a capture can tell."""

from __future__ import annotations

import pytest

from rawshake.rules import select
from tests.rules.play import findings_of

RULES = select(["keepalive"])
OPEN = """
    > S 0:0(0) win 65535
    < S. 0:0(0) ack 1 win 65535
    > . 1:1(0) ack 1 win 65535
"""
PROBE = "> P. 1:6(5) ack 1 win 65535\n+45 > . 5:5(0) ack 1 win 65535\n"


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        ("< . 1:1(0) ack 1 win 65535", True),
        # The data had arrived: its ACK was missed, or came too late.
        ("< . 1:1(0) ack 6 win 65535", False),
        # Of the server nothing is seen.
        ("+45 > . 5:5(0) ack 1 win 65535", False),
        ("< R 1:1(0) win 0", False),
    ],
)
def test_what_was_outstanding_shows_in_what_is_acknowledged_next(after: str, broken: bool) -> None:
    assert findings_of(OPEN + PROBE + after, RULES) == (["keepalive-form WARN client 5"] if broken else [])
