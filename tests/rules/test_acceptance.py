"""What must not be taken: only what came with a flaw, and in no other way, is held against who acknowledges it."""

from __future__ import annotations

import pytest

from rawshake.tcp.view import End
from tests.rules.play import ISNS, findings_of

OPEN = """
    > S 0:0(0) win 65535 <mss 1460>
    < S. 0:0(0) ack 1 win 1000 <mss 1460>
    > . 1:1(0) ack 1 win 65535
"""

#: Seen by rawshake as the client: what follows OPEN, and the findings at the server.
CASES = {
    "a wrong checksum, taken": (
        "> P. 1:6(5) ack 1 [bad checksum]\n < . 1:1(0) ack 6 win 1000",
        ["checksum-bad-segment-dropped FAIL server 5"],
    ),
    "a wrong checksum, sent again": (
        "> P. 1:6(5) ack 1 [bad checksum]\n +1 > P. 1:6(5) ack 1\n < . 1:1(0) ack 6 win 1000",
        [],
    ),
    "a wrong checksum on a FIN, taken": (
        "> F. 1:1(0) ack 1 [bad checksum]\n < . 1:1(0) ack 2 win 1000",
        ["checksum-bad-segment-dropped FAIL server 5"],
    ),
    "no ACK bit, taken": (
        "> P 1:6(5)\n < . 1:1(0) ack 6 win 1000",
        ["no-ack-bit-dropped FAIL server 5"],
    ),
    "no ACK bit, answered": ("> P 1:6(5)\n < . 1:1(0) ack 1 win 1000", []),
    "no ACK bit, sent again": ("> P 1:6(5)\n +1 > P. 1:6(5) ack 1\n < . 1:1(0) ack 6 win 1000", []),
    "no ACK bit on a FIN, taken": (
        "> F 1:1(0)\n < . 1:1(0) ack 2 win 1000",
        ["no-ack-bit-dropped FAIL server 5"],
    ),
    "an ACK of what was never sent, taken": (
        "> P. 1:6(5) ack 2\n < . 1:1(0) ack 6 win 1000",
        ["unsent-ack-answered FAIL server 5"],
    ),
    "an ACK of what was sent, and lost to us": ("> P. 1:6(5) ack 6\n < . 6:6(0) ack 6 win 1000", []),
    "an ACK beyond any window, taken": (
        "> P. 1:6(5) ack 70000\n < P. 1:6(5) ack 6 win 1000",
        ["unsent-ack-answered FAIL server 5"],
    ),
    "an ACK of what was never sent, answered": ("> P. 1:6(5) ack 2\n < . 1:1(0) ack 1 win 1000", []),
    "a lost segment, skipped": (
        "> P. 1:6(5) ack 1 [lost]\n > P. 6:11(5) ack 1\n < . 1:1(0) ack 11 win 1000",
        ["ack-is-cumulative FAIL server 6"],
    ),
    "a lost segment, acknowledged by itself": (
        "> P. 1:6(5) ack 1 [lost]\n < . 1:1(0) ack 6 win 1000",
        ["ack-is-cumulative FAIL server 5"],
    ),
    "a lost segment, waited for": (
        "> P. 1:6(5) ack 1 [lost]\n > P. 6:11(5) ack 1\n < . 1:1(0) ack 1 win 1000\n"
        " +1 > P. 1:6(5) ack 1\n < . 1:1(0) ack 11 win 1000",
        [],
    ),
    "a lost FIN": (
        "> F. 1:1(0) ack 1 [lost]\n < . 1:1(0) ack 2 win 1000",
        ["ack-is-cumulative FAIL server 5"],
    ),
    "a FIN above a gap": (
        "> P. 1:6(5) ack 1 [lost]\n > F. 6:6(0) ack 1\n < F. 1:1(0) ack 7 win 1000",
        ["early-fin-waits FAIL server 6"],
    ),
    "beyond the window, in order, as Linux takes it": (
        "> . 1:1001(1000) ack 1\n > P. 1001:1101(100) ack 1\n < . 1:1(0) ack 1101 win 1000",
        [],
    ),
}
#: What rawshake itself does wrong there, on purpose.
OURS = (
    "checksum-sent-valid",
    "ack-bit-after-handshake",
    "ack-never-exceeds-received",
    "sender-within-window",
)


@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("case", CASES)
def test_at_the_client(case: str, isns: tuple[int, int]) -> None:
    text, wanted = CASES[case]
    found = findings_of(f"{OPEN}\n{text}", isns=isns, ours=End.CLIENT)
    assert [one for one in found if " client " not in one] == wanted
    assert {one.split()[0] for one in found if " client " in one} <= set(OURS)


@pytest.mark.parametrize("case", CASES)
def test_a_tap_accuses_no_receiver(case: str) -> None:
    assert [one for one in findings_of(f"{OPEN}\n{CASES[case][0]}") if " server " in one] == []
