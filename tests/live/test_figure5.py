"""Each row of the transition table walked on the wire against a kernel, which is asked where it stands meanwhile."""

from __future__ import annotations

import pytest

from rawshake.net.lab.namespaces import Lab
from rawshake.play import Peer, Script
from rawshake.rules.model import Verdict
from rawshake.tcp.segment import Flags
from rawshake.tcp.state import Event, State, Transition, transitions
from tests.live.walking import WALKS, Kernel, leads_through, lose, play, walks

S, E = State, Event

# The way there.


def opened(peer: Peer, kernel: Kernel) -> Script:
    """We dial: ESTABLISHED at both ends."""
    kernel.listen()
    yield peer.send("S <mss 1460>")
    yield peer.expect("S. ack 1")
    yield peer.send(".")
    yield from kernel.at(peer, S.ESTABLISHED, S.ESTABLISHED)
    kernel.accept()


def dialled(peer: Peer, kernel: Kernel, *, acknowledge: bool = True) -> Script:
    """The kernel dials us, who listen: its SYN is here."""
    kernel.dial(peer, acknowledge=acknowledge)
    yield peer.expect("S")
    yield from kernel.at(peer, S.SYN_RECEIVED, S.SYN_SENT)


def both_dial(peer: Peer, kernel: Kernel) -> Script:
    """Both have dialled, and only its SYN has come through."""
    kernel.dial(peer)
    yield peer.send("S <mss 1460> [bad checksum]")
    yield peer.expect("S")
    yield from kernel.at(peer, S.SYN_RECEIVED, S.SYN_SENT)


def fin_wait_2(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    yield peer.send("F.")
    yield peer.expect(". ack 2")
    yield from kernel.at(peer, S.FIN_WAIT_2, S.CLOSE_WAIT)


def time_wait(peer: Peer, kernel: Kernel) -> Script:
    """Its FIN is here, and not yet acknowledged."""
    yield from fin_wait_2(peer, kernel)
    kernel.close()
    yield peer.expect("F.")
    yield from kernel.at(peer, S.TIME_WAIT, S.LAST_ACK)


def close_wait(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    kernel.shutdown()
    yield peer.expect("F.")
    yield from kernel.at(peer, S.CLOSE_WAIT, S.FIN_WAIT_1)
    yield peer.send(".")
    yield from kernel.at(peer, S.CLOSE_WAIT, S.FIN_WAIT_2)


def closing(peer: Peer, kernel: Kernel) -> Script:
    """Both have sent a FIN, and only its FIN has come through."""
    yield from opened(peer, kernel)
    kernel.shutdown()
    lose(peer, Flags.FIN | Flags.ACK)
    yield peer.expect("F. ack 1")
    yield from kernel.at(peer, S.CLOSING, S.FIN_WAIT_1)


# Opening.


@walks(S.CLOSED, E.SENT_SYN)
def we_dial(peer: Peer, kernel: Kernel) -> Script:
    kernel.listen()
    yield peer.send("S <mss 1460>")
    yield from kernel.at(peer, S.SYN_SENT, S.SYN_RECEIVED)


@walks(S.LISTEN, E.GOT_SYN)
def we_listen(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel)


@walks(S.LISTEN, E.SENT_SYN)
def we_listen_and_then_dial(peer: Peer, kernel: Kernel) -> Script:
    yield from a_listener_is_reset(peer, kernel)
    kernel.listen()
    peer.restart(7)
    yield peer.send("S <mss 1460>")
    # It was a client before, and nothing has shown yet that it listens now.
    yield from kernel.at(peer, S.SYN_SENT, S.SYN_RECEIVED, expected=S.CLOSED)


@walks(S.SYN_SENT, E.GOT_SYN)
def both_open_at_once(peer: Peer, kernel: Kernel) -> Script:
    yield from both_dial(peer, kernel)


@walks(S.SYN_RECEIVED, E.SYN_ACKED)
def they_dial(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel)
    yield peer.send("S. <mss 1460>")
    yield from kernel.at(peer, S.SYN_RECEIVED, S.ESTABLISHED)
    yield peer.expect(". ack 1")
    yield from kernel.at(peer, S.ESTABLISHED, S.ESTABLISHED)


# Closing.


@walks(S.SYN_RECEIVED, E.SENT_FIN)
def we_close_before_it_is_open(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel)
    yield peer.send("S. <mss 1460>")
    yield from kernel.at(peer, S.SYN_RECEIVED, S.ESTABLISHED)
    yield peer.send("F.")
    yield from kernel.at(peer, S.FIN_WAIT_1, S.CLOSE_WAIT)


@walks(S.SYN_RECEIVED, E.GOT_FIN)
def they_close_before_we_know_that_it_is_open(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel, acknowledge=False)
    yield peer.send("S. <mss 1460>")
    yield peer.wait(0)
    kernel.await_connected()
    kernel.shutdown()  # within the 200 ms for which its ACK is delayed
    yield peer.expect("F. ack 1", strict=True)
    yield from kernel.at(peer, S.CLOSE_WAIT, S.FIN_WAIT_1)


@walks(S.ESTABLISHED, E.SENT_FIN)
def we_close(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    yield peer.send("F.")
    yield from kernel.at(peer, S.FIN_WAIT_1, S.CLOSE_WAIT)


@walks(S.ESTABLISHED, E.GOT_FIN)
def they_close(peer: Peer, kernel: Kernel) -> Script:
    yield from close_wait(peer, kernel)


@walks(S.FIN_WAIT_1, E.FIN_ACKED)
def our_fin_is_acknowledged(peer: Peer, kernel: Kernel) -> Script:
    yield from fin_wait_2(peer, kernel)


@walks(S.FIN_WAIT_1, E.GOT_FIN)
def both_close_at_once(peer: Peer, kernel: Kernel) -> Script:
    yield from closing(peer, kernel)


@walks(S.FIN_WAIT_2, E.GOT_FIN)
def they_close_after_us(peer: Peer, kernel: Kernel) -> Script:
    yield from time_wait(peer, kernel)
    yield peer.send(".")
    yield from kernel.at(peer, S.TIME_WAIT, S.CLOSED)


@walks(S.CLOSING, E.FIN_ACKED)
def both_closed_at_once(peer: Peer, kernel: Kernel) -> Script:
    yield from closing(peer, kernel)
    yield peer.send("F. 1:1(0) ack 1")
    yield from kernel.at(peer, S.CLOSING, S.CLOSING)
    yield peer.expect(". ack 2")
    yield from kernel.at(peer, S.TIME_WAIT, S.CLOSING)
    yield peer.send(".")
    yield from kernel.at(peer, S.TIME_WAIT, S.TIME_WAIT)


@walks(S.CLOSE_WAIT, E.SENT_FIN)
def we_close_after_them(peer: Peer, kernel: Kernel) -> Script:
    yield from close_wait(peer, kernel)
    yield peer.send("F.")
    yield from kernel.at(peer, S.LAST_ACK, S.TIME_WAIT)


@walks(S.LAST_ACK, E.FIN_ACKED)
def our_last_fin_is_acknowledged(peer: Peer, kernel: Kernel) -> Script:
    yield from we_close_after_them(peer, kernel)
    yield peer.expect(". ack 2")
    yield from kernel.at(peer, S.CLOSED, S.TIME_WAIT)


# A reset of ours.


@walks(S.SYN_SENT, E.SENT_RST)
def we_reset_what_we_dialled(peer: Peer, kernel: Kernel) -> Script:
    yield from we_dial(peer, kernel)
    yield peer.send("R 1:")
    yield from kernel.at(peer, S.CLOSED, S.LISTEN)


@walks(S.SYN_RECEIVED, E.SENT_RST)
def we_reset_what_they_dialled(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel)
    yield peer.send("S. <mss 1460>")
    yield from kernel.at(peer, S.SYN_RECEIVED, S.ESTABLISHED)
    yield from reset(peer, kernel)


def reset(peer: Peer, kernel: Kernel) -> Script:
    yield peer.send("R.")
    yield from kernel.at(peer, S.CLOSED, S.CLOSED)


@walks(S.ESTABLISHED, E.SENT_RST)
def we_reset(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    yield from reset(peer, kernel)


@walks(S.FIN_WAIT_1, E.SENT_RST)
def we_close_and_reset(peer: Peer, kernel: Kernel) -> Script:
    yield from we_close(peer, kernel)
    yield from reset(peer, kernel)


@walks(S.FIN_WAIT_2, E.SENT_RST)
def we_reset_half_closed(peer: Peer, kernel: Kernel) -> Script:
    yield from fin_wait_2(peer, kernel)
    yield from reset(peer, kernel)


@walks(S.CLOSE_WAIT, E.SENT_RST)
def we_reset_after_their_fin(peer: Peer, kernel: Kernel) -> Script:
    yield from close_wait(peer, kernel)
    yield from reset(peer, kernel)


@walks(S.CLOSING, E.SENT_RST)
def we_reset_while_both_close(peer: Peer, kernel: Kernel) -> Script:
    yield from closing(peer, kernel)
    yield peer.send("F. 1:1(0) ack 1")
    yield from kernel.at(peer, S.CLOSING, S.CLOSING)
    yield from reset(peer, kernel)


@walks(S.LAST_ACK, E.SENT_RST)
def we_reset_after_both_fins(peer: Peer, kernel: Kernel) -> Script:
    yield from we_close_after_them(peer, kernel)
    yield from reset(peer, kernel)


@walks(S.TIME_WAIT, E.SENT_RST)
def we_reset_in_place_of_the_last_ack(peer: Peer, kernel: Kernel) -> Script:
    yield from time_wait(peer, kernel)
    yield from reset(peer, kernel)


# A reset of theirs.


def they_abort(peer: Peer, kernel: Kernel) -> Script:
    kernel.abort()
    yield peer.expect("R.?")
    yield from kernel.at(peer, S.CLOSED, S.CLOSED)


@walks(S.SYN_SENT, E.GOT_RST)
def refused(peer: Peer, kernel: Kernel) -> Script:
    yield peer.send("S <mss 1460>")
    yield peer.expect("R.")
    yield from kernel.at(peer, S.CLOSED, S.CLOSED)


@walks(S.SYN_RECEIVED, E.GOT_RST)
def they_give_up_while_both_open(peer: Peer, kernel: Kernel) -> Script:
    yield from both_dial(peer, kernel)
    kernel.close()
    yield peer.send("S. <mss 1460>")
    yield peer.expect("R")
    yield from kernel.at(peer, S.CLOSED, S.CLOSED)


@walks(S.SYN_RECEIVED, E.GOT_RST, passive=True)
def a_listener_is_reset(peer: Peer, kernel: Kernel) -> Script:
    yield from dialled(peer, kernel)
    kernel.close()
    yield peer.send("S. <mss 1460>")
    yield peer.expect("R")
    yield from kernel.at(peer, S.LISTEN, S.CLOSED)


@walks(S.ESTABLISHED, E.GOT_RST)
def they_reset(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    yield from they_abort(peer, kernel)


@walks(S.FIN_WAIT_1, E.GOT_RST)
def they_reset_and_our_fin_is_lost(peer: Peer, kernel: Kernel) -> Script:
    yield from opened(peer, kernel)
    lose(peer, Flags.FIN | Flags.ACK)
    yield from kernel.at(peer, S.FIN_WAIT_1, S.ESTABLISHED)
    yield from they_abort(peer, kernel)


@walks(S.FIN_WAIT_2, E.GOT_RST)
def they_reset_after_our_fin(peer: Peer, kernel: Kernel) -> Script:
    yield from fin_wait_2(peer, kernel)
    yield from they_abort(peer, kernel)


@walks(S.CLOSE_WAIT, E.GOT_RST)
def they_reset_half_closed(peer: Peer, kernel: Kernel) -> Script:
    yield from close_wait(peer, kernel)
    yield from they_abort(peer, kernel)


@walks(S.CLOSING, E.GOT_RST)
def they_reset_while_both_close(peer: Peer, kernel: Kernel) -> Script:
    yield from closing(peer, kernel)
    yield from they_abort(peer, kernel)


@walks(S.LAST_ACK, E.GOT_RST)
def they_reset_and_our_last_fin_is_lost(peer: Peer, kernel: Kernel) -> Script:
    yield from close_wait(peer, kernel)
    lose(peer, Flags.FIN | Flags.ACK)
    yield from kernel.at(peer, S.LAST_ACK, S.FIN_WAIT_2)
    yield from they_abort(peer, kernel)


@walks(S.TIME_WAIT, E.GOT_RST)
def what_comes_late_is_reset(peer: Peer, kernel: Kernel) -> Script:
    yield from they_close_after_us(peer, kernel)
    yield peer.send(".")
    yield peer.expect("R")
    yield from kernel.at(peer, S.CLOSED, S.CLOSED)


# The tests.


def test_each_row_of_the_table_has_its_walk() -> None:
    assert set(WALKS) == set(transitions())


@pytest.mark.parametrize(
    "row", WALKS, ids=lambda row: f"{row.before} {row.event.value}{' passive' * row.passive}"
)
def test_our_end_goes_through_it_and_the_kernel_agrees(lab: Lab, address: str, row: Transition) -> None:
    walked = play(lab, address, WALKS[row])
    assert leads_through(walked.ours, row)
    assert walked.seen[-1][0] is row.after
    theirs = [found for found in walked.exchange.findings if not found.ours]
    assert [found for found in theirs if found.verdict is Verdict.FAIL] == []


def test_a_walk_that_is_wrong_about_either_end_fails(lab: Lab) -> None:
    def wrong_about_us(peer: Peer, kernel: Kernel) -> Script:
        yield from opened(peer, kernel)
        yield from kernel.at(peer, S.FIN_WAIT_1, S.ESTABLISHED)

    def wrong_about_the_kernel(peer: Peer, kernel: Kernel) -> Script:
        yield from opened(peer, kernel)
        kernel.patience = 0
        yield from kernel.at(peer, S.ESTABLISHED, S.CLOSE_WAIT, expected=S.ESTABLISHED)

    for script in (wrong_about_us, wrong_about_the_kernel):
        with pytest.raises(AssertionError):
            play(lab, lab.address4, script)


def test_a_way_leads_through_the_rows_of_its_own_only(lab: Lab) -> None:
    walked = play(lab, lab.address4, our_fin_is_acknowledged)
    through = [row for row in transitions() if leads_through(walked.ours, row)]
    assert [(row.before, row.event) for row in through] == [
        (S.CLOSED, E.SENT_SYN),
        (S.SYN_SENT, E.GOT_SYN),
        (S.SYN_RECEIVED, E.SYN_ACKED),
        (S.ESTABLISHED, E.SENT_FIN),
        (S.FIN_WAIT_1, E.FIN_ACKED),
    ]
    assert [leg.state for leg in walked.theirs.legs] == [S.SYN_RECEIVED, S.ESTABLISHED, S.CLOSE_WAIT]
