"""What each segment is there for, in exchanges of every kind: written beside it, and read from what it does."""

from __future__ import annotations

from dataclasses import replace
from difflib import ndiff

import pytest

from rawshake.plain.meaning import Meaning, meaning
from rawshake.rules import book
from rawshake.rules.page import read
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step
from tests.rules.play import ISNS, steps_of

OPENED = """
    > S 0:0(0)                            # SYN
    < S. 0:0(0) ack 1                     # SYN_ACK
    > . 1:1(0) ack 1                      # THIRD_ACK
"""
EXCHANGES = {
    "four segments to close, begun by the client": OPENED + """
        > P. 1:6(5) ack 1                 # DATA
        < . 1:1(0) ack 6                  # ACK
        > F. 6:6(0) ack 1                 # FIN
        < . 1:1(0) ack 7                  # ACK_OF_FIN
        < F. 1:1(0) ack 7                 # FIN_SECOND
        > . 7:7(0) ack 2                  # LAST_ACK
        < F. 1:1(0) ack 7                 # FIN_AGAIN
        > . 7:7(0) ack 2                  # LAST_ACK_AGAIN
    """,
    "three segments to close, begun by the server": OPENED + """
        < F. 1:1(0) ack 1                 # FIN
        > F. 1:1(0) ack 2                 # FIN_AND_ACK
        < . 2:2(0) ack 2                  # LAST_ACK
    """,
    "half-closed, with data still coming": OPENED + """
        > F. 1:1(0) ack 1                 # FIN
        < P. 1:6(5) ack 2                 # DATA_WITH_ACK_OF_FIN
        > . 2:2(0) ack 6                  # ACK
        < P. 6:11(5) ack 2                # DATA_AFTER_FIN
        > . 2:2(0) ack 11                 # ACK
        < FP. 11:16(5) ack 2              # FIN_SECOND
        > . 2:2(0) ack 17                 # LAST_ACK
    """,
    "data on the third segment, and before the FIN": """
        > S 0:0(0)                        # SYN
        < S. 0:0(0) ack 1                 # SYN_ACK
        > P. 1:6(5) ack 1                 # DATA_ON_THIRD_ACK
        < . 1:1(0) ack 6                  # ACK
        > FP. 6:11(5) ack 1               # FIN
        < . 1:1(0) ack 12                 # ACK_OF_FIN
    """,
    "losses": """
        > S 0:0(0) [lost]                 # SYN
        +1 > S 0:0(0)                     # SYN_AGAIN
        < S. 0:0(0) ack 1 [lost]          # SYN_ACK
        +1 < S. 0:0(0) ack 1              # SYN_ACK_AGAIN
        > . 1:1(0) ack 1                  # THIRD_ACK
        > P. 1:6(5) ack 1 [lost]          # DATA
        > P. 6:11(5) ack 1                # DATA_BEYOND_GAP
        < . 1:1(0) ack 1 <sack 6:11>      # ACK_OF_MORE
        +1 > P. 1:6(5) ack 1              # DATA_AGAIN
        < . 1:1(0) ack 11                 # ACK
        < . 1:1(0) ack 6                  # ACK_OVERTAKEN
        > F. 11:11(0) ack 1 [lost]        # FIN
        +1 > F. 11:11(0) ack 1            # FIN_AGAIN
    """,
    "both dial, and both close, at once": """
        > S 0:0(0)                        # SYN
        < S 0:0(0)                        # SYN_CROSSING
        > S. 0:0(0) ack 1                 # SYN_ACK_CROSSING
        < S. 0:0(0) ack 1                 # SYN_ACK_CROSSING
        > F. 1:1(0) ack 1                 # FIN
        < F. 1:1(0) ack 1                 # FIN_CROSSING
        > . 2:2(0) ack 2                  # ACK_OF_CROSSING_FIN
        < . 2:2(0) ack 2                  # ACK_OF_CROSSING_FIN
    """,
    "a split handshake": """
        > S 0:0(0)                        # SYN
        < . 0:0(0) ack 1                  # ACK_OF_SYN
        < S 0:0(0)                        # SYN_CROSSING
        > S. 0:0(0) ack 1                 # SYN_ACK_CROSSING
    """,
    "a window that closes": OPENED + """
        < P. 1:6(5) ack 1 win 1000        # DATA
        > . 1:1(0) ack 6 win 0            # ACK_AND_FULL
        +1 < . 5:5(0) ack 1 win 1000      # WINDOW_PROBE
        > . 1:1(0) ack 6 win 0            # ACK_REPEATED
        +1 < . 6:7(1) ack 1 win 1000      # WINDOW_PROBE
        > . 1:1(0) ack 6 win 500          # WINDOW_OPENED
        > . 1:1(0) ack 6 win 900          # WINDOW_GROWN
        > . 1:1(0) ack 6 win 0            # WINDOW_CLOSED
    """,
    "keep-alives": OPENED + """
        +10 > . 0:0(0) ack 1              # KEEP_ALIVE
        < . 1:1(0) ack 1                  # ACK_REPEATED
        > P. 1:6(5) ack 1                 # DATA
        < . 1:1(0) ack 6                  # ACK
        +10 > . 5:6(1) ack 1              # KEEP_ALIVE
    """,
    "refused": """
        > S 0:0(0)                        # SYN
        < R. =0:0(0) ack 1                # REFUSAL
    """,
    "hung up": OPENED + """
        > R. 1:1(0) ack 1                 # RESET
        < P. 1:6(5) ack 1                 # DATA
        > R 1:1(0)                        # RESET_OF_STRAY
    """,
    "a reset that nobody believes": OPENED + """
        < R. 70000:70000(0) ack 1         # RESET_UNBELIEVED
    """,
    "a reset that is not believed at once": OPENED + """
        < R. 100:100(0) ack 1             # RESET_DOUBTED
    """,
    "a SYN,ACK that acknowledges the SYN's own number": """
        > S 0:0(0)                        # SYN
        < S. 0:0(0) ack 0                 # SYN_ACK_WRONG
        > R 0:0(0)                        # RESET_OF_WRONG_ACK
    """,
    "an end that has another connection in mind, RFC 9293 Figure 9": """
        > S 0:0(0)                        # SYN
        < . 100:100(0) ack 70             # ACK_WRONG
        > R 70:70(0)                      # RESET_OF_WRONG_ACK
    """,
    "acknowledgments of what was never sent": OPENED + """
        < . 1:1(0) ack 100                # ACK_WRONG
        > F. 1:1(0) ack 1                 # FIN
        < F. 1:1(0) ack 100               # FIN_WITH_WRONG_ACK
    """,
    "a third segment that answers more than the SYN": """
        > S 0:0(0)                        # SYN
        < S. 0:0(0) ack 1                 # SYN_ACK
        < P. 1:6(5) ack 1                 # DATA
        > . 1:1(0) ack 6                  # THIRD_ACK_OF_MORE
    """,
    "a SYN in the middle": OPENED + """
        > S 500:500(0)                    # SYN_INSIDE
        < . 1:1(0) ack 1                  # ACK_REPEATED
        > - 1:6(5)                        # MUTE
    """,
    "anew from the same port": OPENED + """
        < F. 1:1(0) ack 1                 # FIN
        > F. 1:1(0) ack 2                 # FIN_AND_ACK
        < . 2:2(0) ack 2                  # LAST_ACK
        > S 90000:90000(0)                # SYN_ANEW
    """,
    "a capture that begins late": """
        < . 1:1(0) ack 1                  # ACK_FIRST_SEEN
        < P. 1:6(5) ack 1                 # DATA
        > . 1:1(0) ack 6                  # ACK_FIRST_SEEN
    """,
}  # fmt: skip


def written(text: str) -> list[str]:
    return [row.partition("#")[2].strip() for row in text.splitlines() if row.strip()]


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("isns", ISNS)
@pytest.mark.parametrize("ours", [None, End.CLIENT, End.SERVER])
def test_every_segment_is_what_is_written_beside_it(
    name: str, isns: tuple[int, int], ours: End | None
) -> None:
    text = EXCHANGES[name]
    found = [meaning(step).name for step in steps_of(text, isns=isns, ours=ours)]
    assert found == written(text), "\n" + "\n".join(ndiff(written(text), found))


def test_every_meaning_is_met() -> None:
    met = {name for text in EXCHANGES.values() for name in written(text)}
    assert {one.name for one in Meaning} - met == {"COPY"}  # which is no segment of its own


def test_a_copy_says_nothing_new() -> None:
    (syn, *_) = steps_of(OPENED)
    assert meaning(syn) is Meaning.SYN
    assert meaning(replace(syn, copy=True)) is Meaning.COPY


def examples() -> list[list[Step]]:
    """The connections of every example in the rule book."""
    return [
        steps_of(text, ours=End.CLIENT if transcript.at_client else None)
        for rule in book()
        for transcript in read(rule).transcripts
        for _port, text in transcript.connections
    ]


@pytest.mark.parametrize("steps", examples())
def test_examples_of_the_rule_book_are_not_told_what_is_not_so(steps: list[Step]) -> None:
    for step in steps:
        found, segment, states = meaning(step), step.segment, (step.now.expected, step.peer_now.expected)
        if found in (Meaning.LAST_ACK, Meaning.LAST_ACK_AGAIN):
            assert states[0] is State.TIME_WAIT
        if found is Meaning.ACK_OF_FIN:
            assert State.CLOSE_WAIT in states or states[1] in (State.FIN_WAIT_2, None, State.CLOSED)
        if found is Meaning.FIN_AND_ACK:
            assert segment.fin
            assert step.peer_was.fin is not None
            assert segment.ack == step.peer_was.fin + 1
        if found is Meaning.THIRD_ACK:
            assert step.peer_was.iss is None or segment.ack == step.peer_was.iss + 1
        assert (segment.syn and not segment.rst) == found.name.startswith("SYN")
        assert segment.rst == (found is Meaning.REFUSAL or found.name.startswith("RESET"))
        assert segment.fin <= (segment.syn or segment.rst or "FIN" in found.name or found is Meaning.MUTE)
