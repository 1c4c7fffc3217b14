"""ACKs that are held back: each rule next to its near misses."""

from __future__ import annotations

import pytest

from rawshake.rules import select
from tests.rules.play import findings_of

RULES = select(["delayed_ack"])
OPEN = "> S 0:0(0) win 65535 <mss 1000>\n< S. 0:0(0) ack 1 win 65535 <mss 1000>\n> . 1:1(0) ack 1 win 65535\n"


def slow(after: str, count: int, first: int = 0) -> str:
    """So many segments, each acknowledged after so many seconds; ``first`` went before them."""
    return "".join(
        f"> P. {1 + 5 * n}:{6 + 5 * n}(5) ack 1 win 65535\n+{after} < . 1:1(0) ack {6 + 5 * n} win 65535\n"
        for n in range(first, first + count)
    )


def burst(gaps: list[str], count: int) -> str:
    """Runs of full-sized segments with such gaps before them, each run acknowledged as a whole."""
    lines = []
    for n in range(count):
        at = 1 + 1000 * len(gaps) * n
        for k, gap in enumerate(gaps):
            lines.append(f"+{gap} > . {at + 1000 * k}:{at + 1000 * (k + 1)}(1000) ack 1 win 65535")
        lines.append(f"< . 1:1(0) ack {at + 1000 * len(gaps)} win 65535")
    return "\n".join(lines)


CASES = {
    "late three times": (slow("0.6", 3), ["delayed-ack-under-500ms FAIL server 9"]),
    "late more often than not": (
        slow("0.1", 2) + slow("0.6", 3, 2),
        ["delayed-ack-under-500ms FAIL server 13"],
    ),
    "late now and then": (slow("0.1", 3) + slow("0.6", 3, 3), []),
    "late, for many are on the way": (
        "".join(f"> P. {5 * n - 4}:{5 * n + 1}(5) ack 1 win 65535\n" for n in range(1, 9))
        + "".join(f"+0.6 < . 1:1(0) ack {10 * n + 1} win 65535\n" for n in range(1, 4)),
        [],
    ),
    "late twice": (slow("0.6", 2), []),
    "just in time": (slow("0.5", 5), []),
    "late, but sent again": (
        "".join(
            f"> P. {1 + 5 * n}:{6 + 5 * n}(5) ack 1 win 65535\n+0.4 > P. {1 + 5 * n}:{6 + 5 * n}(5) ack 1 win 65535\n"
            f"+0.4 < . 1:1(0) ack {6 + 5 * n} win 65535\n"
            for n in range(4)
        ),
        [],
    ),
    "one ACK for much, in time for the last only": (
        "> P. 1:6(5) ack 1 win 65535\n+0.6 > P. 6:11(5) ack 1 win 65535\n< . 1:1(0) ack 11 win 65535\n",
        [],
    ),
    "two segments for an ACK": (burst(["0.1", "0.1"], 4), []),
    "three segments, apart from one another": (
        burst(["0.03", "0.03", "0.03"], 3),
        ["ack-every-second-segment WARN server 14"],
    ),
    "three segments in a burst": (burst(["0.03", "0.001", "0.001"], 5), []),
    "three segments twice": (burst(["0.03", "0.03", "0.03"], 2), []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_near_the_end_that_is_judged(text: str, expected: list[str]) -> None:
    assert findings_of(OPEN + text, RULES) == expected


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_elsewhere_nothing_is_said(text: str, expected: list[str]) -> None:
    far = "\n".join(f"{line} [ttl 50]" for line in (OPEN + text).splitlines())
    assert findings_of(far, RULES) == []
