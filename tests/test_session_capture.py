"""A session whose capture is behind, or has lost frames: what is not seen may have passed all the same."""

from __future__ import annotations

from rawshake.link import Frame
from rawshake.profile import SECOND
from rawshake.report import Outcome, Remark
from rawshake.tcp.notation import CLIENT_ISN, SERVER_ISN, parse_segment
from rawshake.tcp.seq import Seq
from tests.memory import MILLISECOND, MemoryLink, packed
from tests.playbook import CLIENT, HANDSHAKE, SERVER, Script, started


def test_a_copy_behind_a_flood_is_no_firewall() -> None:
    """Its turn comes late where the peer sends faster than we can judge."""

    class Slow(MemoryLink):
        def receive(self, deadline: int | None) -> Frame | None:
            frame = MemoryLink.receive(self, deadline)
            self.clock += 20 * MILLISECOND if frame is not None else 0
            return frame

    link = Slow(Script(HANDSHAKE + "< P. 1:6(5) ack 1\n> . 1:1(0) ack 6"), copy_delay=200 * MILLISECOND)
    session, _ = started(link.peer, link=link)
    assert session.connect()
    idle = packed(
        parse_segment(". 1:1(0) ack 1", src=SERVER, dst=CLIENT, isn=Seq(SERVER_ISN), peer_isn=Seq(CLIENT_ISN))
    )
    for _ in range(200):
        link.inject(idle, 100 * MILLISECOND)
    session.run(lambda: False, deadline=link.now() + 10 * SECOND)
    assert session.client.acked == session.client.rcv_nxt
    assert not session.firewalled
    assert not any(isinstance(entry, Remark) or entry.step.note for entry in session.entries)


def test_where_the_capture_loses_frames_no_firewall_is_accused() -> None:
    link = MemoryLink(Script(HANDSHAKE), lost=3)
    session, _ = started(link.peer, link=link)
    link.eats = lambda segment: not segment.syn
    assert session.connect()
    session.run(lambda: False, deadline=link.now() + SECOND)
    assert not session.firewalled
    for _ in range(2):
        entries = session.exchange(Outcome.HELD).entries
        remarks = [entry.text for entry in entries if isinstance(entry, Remark)]
        assert remarks == ["the capture lost 3 frames: more passed than is shown"]
