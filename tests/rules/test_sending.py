"""How data is cut, pushed and gathered, and closed windows: each rule next to its near misses."""

from __future__ import annotations

import pytest

from rawshake.rules import select
from tests.rules.play import findings_of

RULES = select(["sending", "persist"])
SYN = "> S 0:0(0) win 65535 <mss 1000>\n"
SYN_ACK = "< S. 0:0(0) ack 1 win 65535 <mss 1000>\n"
OPEN = SYN + SYN_ACK + "> . 1:1(0) ack 1 win 65535\n"
SMALL = SYN + "< S. 0:0(0) ack 1 win 400\n> . 1:1(0) ack 1 win 65535\n"


def flight(count: int, *, size: int = 1000) -> str:
    return "".join(
        f"< P. {1 + size * n}:{1 + size * (n + 1)}({size}) ack 1 win 65535\n" for n in range(count)
    )


def pieces(ends: list[int], flags: str) -> str:
    """Data of five octets at a time up to those, each acknowledged, two seconds apart."""
    return "".join(
        f"+2 > {flags} {end - 5}:{end}(5) ack 1 win 65535\n< . 1:1(0) ack {end} win 65535\n" for end in ends
    )


def opening(step: int, count: int) -> str:
    """A window of 400 that is filled, and opens by so much again and again."""
    lines = ["> P. 1:201(200) ack 1 win 65535", "> P. 201:401(200) ack 1 win 65535"]
    at = 401
    for _ in range(count):
        lines += [f"< . 1:1(0) ack {at} win 0", f"+1 < . 1:1(0) ack {at} win {step}"]
        lines.append(f"> P. {at}:{at + step}({step}) ack 1 win 65535")
        at += step
    return "\n".join(lines)


SHUT = "> P. 1:401(400) ack 1 win 65535\n< . 1:1(0) ack 401 win 0\n"
OPENED = "< . 1:1(0) ack 401 win 400\n"
MORE = "> P. 401:801(400) ack 1 win 65535\n"
CASES = {
    "four segments": (OPEN + flight(4), []),
    "five": (OPEN + flight(5), ["initial-window-bounded NOTE server 8"]),
    "fourteen of 1000 are 14,000 octets": (OPEN + flight(14), ["initial-window-bounded NOTE server 17"]),
    "and a tail loss probe": (OPEN + flight(15), ["initial-window-bounded NOTE server 18"]),
    "sixteen": (OPEN + flight(16), ["initial-window-bounded WARN server 19"]),
    "sixteen, of which some were missed, and an ACK perhaps, too": (
        OPEN + flight(20).replace("< P. 3001:4001(1000) ack 1 win 65535\n", ""),
        [],
    ),
    "five, an ACK in between": (
        OPEN + flight(1) + "> . 1:1(0) ack 1001 win 65535\n" + flight(9).partition("\n")[2],
        [],
    ),
    "after a SYN,ACK that was sent again": (SYN + SYN_ACK + "+1 " + SYN_ACK + flight(9), []),
    "half-filled segments": (OPEN + flight(8, size=500).replace("P.", "."), []),
    "never pushed": (OPEN + pieces([6, 11, 16, 21], "."), ["psh-on-last-segment FAIL client 8"]),
    "always pushed": (OPEN + pieces([6, 11, 16, 21], "P."), []),
    "pushed once": (OPEN + pieces([6], "P.") + pieces([11, 16, 21], "."), []),
    "never pushed, and soon more": (OPEN + pieces([6, 11, 16, 21], ".").replace("+2", "+0.5"), []),
    "never pushed, for the window is closed": (
        OPEN + pieces([6, 11, 16, 21], ".").replace("win 65535\n+", "win 0\n+"),
        [],
    ),
    "four small segments under way": (
        OPEN + "".join(f"> P. {1 + n}:{2 + n}(1) ack 1 win 65535\n" for n in range(4)),
        ["nagle-coalesces NOTE client 7"],
    ),
    "three": (OPEN + "".join(f"> P. {1 + n}:{2 + n}(1) ack 1 win 65535\n" for n in range(3)), []),
    "four that fill more than a segment": (
        OPEN + "".join(f"> P. {1 + 400 * n}:{401 + 400 * n}(400) ack 1 win 65535\n" for n in range(4)),
        [],
    ),
    "opens by little, three times": (SMALL + opening(5, 3), ["receiver-sws-avoided FAIL server 13"]),
    "twice": (SMALL + opening(5, 2), []),
    "opens by half of what there is": (SMALL + opening(200, 4), []),
    "no probe for long": (SMALL + SHUT + "+61 " + OPENED + MORE, ["zero-window-probed FAIL client 7"]),
    "no probe for a minute": (SMALL + SHUT + "+59 " + OPENED + MORE, []),
    "an empty probe": (
        SMALL + SHUT + "+1 > . 400:400(0) ack 1 win 65535\n< . 1:1(0) ack 401 win 0\n+90 " + OPENED + MORE,
        [],
    ),
    "a probe of one octet": (
        SMALL + SHUT + "+1 > . 401:402(1) ack 1 win 65535\n< . 1:1(0) ack 401 win 0\n+90 " + OPENED + MORE,
        [],
    ),
    "nothing was waiting": (SMALL + SHUT + "+90 " + OPENED + "+0.1 " + MORE, []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_near_the_end_that_is_judged(text: str, expected: list[str]) -> None:
    assert findings_of(text, RULES) == expected
