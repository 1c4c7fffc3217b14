"""Kinds: what exchanges have in common that are counted together, and which of their times are told."""

from __future__ import annotations

import pytest

from rawshake.judge import Judge
from rawshake.many.kinds import Kind, Result, result
from rawshake.report import Exchange, Judged, Outcome, Remark
from rawshake.rules import book
from rawshake.tcp.view import End
from tests.rules.play import steps_of

CLOSED = """
    > S 0:0(0) win 100 <mss 1460>
    < S. 0:0(0) ack 1 win 100 <mss 1460>
    > . 1:1(0) ack 1 win 100
    > F. 1:1(0) ack 1 win 100
    < . 1:1(0) ack 2 win 100
    < F. 1:1(0) ack 2 win 100
    > . 2:2(0) ack 2 win 100
"""


def of(text: str, *, isns: tuple[int, int] = (1, 2), more: tuple[Remark, ...] = ()) -> Result:
    steps = steps_of(text, isns=isns, ours=End.CLIENT)
    judge = Judge(book(), ours=End.CLIENT)
    entries = [Judged(step, judge.step(step)) for step in steps]
    tracker = steps[0].segment
    return result(
        Exchange(
            client=(tracker.src, tracker.sport),
            server=(tracker.dst, tracker.dport),
            entries=(*entries, *more),
            closing=judge.exchange(steps),
            outcome=Outcome.CLOSED,
        )
    )


def test_numbers_do_not_count() -> None:
    assert of(CLOSED).kind == of(CLOSED, isns=(0xFFFF_FFFF, 77)).kind
    assert of(CLOSED).kind == Kind(Outcome.CLOSED, ("> S", "< S.", "> .", "> F.", "< .", "< F.", "> ."))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("< . 1:1(0) ack 2 win 100", ""),
        ("< . 1:1(0) ack 2 win 100", "< P. 1:1(0) ack 2 win 100"),
        ("< F. 1:1(0) ack 2 win 100", "< F. 1:1(0) ack 2 win 100 <mss 1460>"),
        ("> F. 1:1(0) ack 1 win 100", "> F. 1:1(0) ack 1 win 100\n> F. 1:1(0) ack 1 win 100"),
    ],
    ids=["one segment less", "other flags", "a broken rule", "sent again"],
)
def test_what_counts(line: str, instead: str) -> None:
    assert line in CLOSED
    assert of(CLOSED.replace(line, instead)).kind != of(CLOSED).kind


def test_more_of_the_same_is_the_same_kind() -> None:
    data = "".join(f"< P. {at}:{at + 1}(1) ack 1 win 100\n" for at in range(1, 9))
    before, after = "> . 1:1(0) ack 1 win 100\n", "    > F. 1:1(0) ack 1 win 100"
    many = of(CLOSED.replace(after, f"{data}{after}"), more=(Remark(0, "one"), Remark(0, "two")))
    assert before in CLOSED
    assert many.kind.segments[3] == "< P. ..."
    assert many.kind.segments[-1] == "a remark ..."


def test_an_icmp_error_is_of_the_kind() -> None:
    assert of(CLOSED, more=(Remark(0, "ICMP from 192.0.2.9: host unreachable"),)).kind.segments[-1] == "ICMP"


def test_times_begin_and_end_where_they_should() -> None:
    text = CLOSED.replace("< S.", "+0.02 < S.").replace("< . 1", "+0.03 < . 1").replace("< F.", "+0.04 < F.")
    found = of(text)
    assert found.handshake is not None
    assert found.teardown is not None
    assert (found.handshake.sent, found.handshake.heard, found.handshake.time) == (0, 0, 20_000_000)
    assert (found.teardown.sent, found.teardown.heard, found.teardown.time) == (2, 2, 70_000_000)


def test_what_was_sent_again_is_not_timed() -> None:
    fin = "> F. 1:1(0) ack 1 win 100"
    found = of(CLOSED.replace(fin, f"{fin}\n+1 {fin}"))
    assert (found.handshake, found.teardown) == (None, None)
