"""How a target is left clean: resets that it must believe, whatever it believes of the connection."""

from __future__ import annotations

from rawshake.play import Peer
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq


def resets(peer: Peer) -> tuple[Segment, ...]:
    """Resets at each number that the target may stand at; none where it never acknowledged anything.

    The script may have sent what our tracker takes otherwise than the target did, so its word does not count: a
    RST at RCV.NXT is exact by what the target acknowledged last, or by what it should have by now. One to nobody is
    discarded (RFC 9293 3.10.7.1), and one to TIME-WAIT frees a place (3.10.7.4).
    """
    view = peer.their.view
    numbers: list[Seq] = []
    for number in (view.last_ack, view.rcv_nxt):
        if number is not None and number not in numbers:
            numbers.append(number)
    return tuple(_reset(peer, number) for number in numbers) if view.last_ack is not None else ()


def _reset(peer: Peer, number: Seq) -> Segment:
    (src, sport), (dst, dport) = peer.here, peer.there
    return Segment(src=src, dst=dst, sport=sport, dport=dport, seq=number, flags=Flags.RST)
