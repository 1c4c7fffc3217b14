"""Half a close, keep-alives and TIME-WAIT: each breach next to the nearest thing that is none."""

from __future__ import annotations

import pytest

from tests.rules.play import ISNS, findings_of

OPEN = """
    > S 0:0(0) <mss 1460>
    < S. 0:0(0) ack 1 <mss 1460>
    > . 1:1(0) ack 1
"""
#: The client has sent its FIN, and the server acknowledged it.
HALF = f"{OPEN}\n> F. 1:1(0) ack 1\n< . 1:1(0) ack 2"
#: The server closed first, and is in TIME-WAIT.
WAITING = f"{OPEN}\n< F. 1:1(0) ack 1\n> F. 1:1(0) ack 2\n< . 2:2(0) ack 2"

CASES = {
    "data is taken late": (
        HALF,
        "< P. 1:6(5) ack 2\n> . 2:2(0) ack 1\n+1 < P. 1:6(5) ack 2\n> . 2:2(0) ack 6",
        [],
    ),
    "data is never taken": (
        HALF,
        "< P. 1:6(5) ack 2\n> . 2:2(0) ack 1\n+1 < P. 1:6(5) ack 2\n> . 2:2(0) ack 1",
        ["half-close-supported NOTE client 9"],
    ),
    "data above a gap draws what repeats the ACK": (
        HALF,
        "< . 101:201(100) ack 2\n> . 2:2(0) ack 1\n< . 201:301(100) ack 2\n> . 2:2(0) ack 1",
        [],
    ),
    "data draws a RST at once": (HALF, "< P. 1:6(5) ack 2\n> R 2:2(0) win 0", []),
    "a window that is closed for a while": (
        HALF,
        """
        < P. 1:6(5) ack 2
        > . 2:2(0) ack 6 win 0
        +20 < . 5:5(0) ack 2
        > . 2:2(0) ack 6 win 0
        +20 < . 5:5(0) ack 2
        > . 2:2(0) ack 6 win 65535
        """,
        ["window-not-shrunk NOTE client 7"],
    ),
    "a RST in place of a FIN": (OPEN, "> P. 1:6(5) ack 1\n< R. 1:1(0) ack 1 win 0", []),
    "a FIN with room in the buffer, and a RST to what comes then": (
        OPEN,
        "< F. 1:1(0) ack 1\n> P. 1:6(5) ack 2\n< R 2:2(0) win 0",
        [],
    ),
    "keep-alives that draw no answer may be lost": (
        OPEN,
        "+10 > . 0:0(0) ack 1\n+10 > . 0:0(0) ack 1\n+10 > . 0:0(0) ack 1\n+10 < P. 1:6(5) ack 1\n> . 1:1(0) ack 6",
        [],
    ),
    "a keep-alive after which the connection is given up": (
        OPEN,
        "+10 > . 0:0(0) ack 1\n+10 > . 0:0(0) ack 1\n+10 > R. 1:1(0) ack 1 win 0",
        [],
    ),
    "the last octet sent again is no keep-alive": (
        OPEN,
        "> P. 1:6(5) ack 1\n+5 > . 5:6(1) ack 1\n< . 1:1(0) ack 6",
        [],
    ),
    "a probe of a closed window is no keep-alive": (
        OPEN.replace("< S. 0:0(0) ack 1 <mss 1460>", "< S. 0:0(0) ack 1 win 5 <mss 1460>"),
        "> P. 1:6(5) ack 1\n< . 1:1(0) ack 6 win 0\n+5 > . 5:5(0) ack 1\n< . 1:1(0) ack 6 win 0",
        [],
    ),
    "a FIN that comes again is acknowledged again": (WAITING, "+0.3 > F. 1:1(0) ack 2\n< . 2:2(0) ack 2", []),
    "a FIN that comes again is reset at once": (
        WAITING,
        "+0.3 > F. 1:1(0) ack 2\n< R 2:2(0) win 0",
        ["timewait-reacks WARN server 8"],
    ),
    "a FIN that comes again is reset after long": (WAITING, "+65 > F. 1:1(0) ack 2\n< R 2:2(0) win 0", []),
    "a FIN that comes again after a RST is reset": (
        WAITING,
        "> R 2:2(0) win 0\n+0.3 > F. 1:1(0) ack 2\n< R 2:2(0) win 0",
        [],
    ),
}


@pytest.mark.parametrize("isns", ISNS, ids=["wrap", "half", "both"])
@pytest.mark.parametrize("case", CASES)
def test_at_a_tap(case: str, isns: tuple[int, int]) -> None:
    begin, text, wanted = CASES[case]
    assert findings_of(f"{begin}\n{text}", isns=isns) == wanted
