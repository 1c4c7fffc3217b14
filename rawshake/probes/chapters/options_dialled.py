"""Probes on the options of a target that dials out: what its SYN announces, and what it makes of ours."""

from __future__ import annotations

from typing import Final

from rawshake.play import Peer, Script
from rawshake.probes.chapters.options import at_most
from rawshake.probes.model import Check, ProbeFunction, Server, broken, note, undecided, warn
from rawshake.probes.park import GREETING, PROGRAM, dialled, syn_sent
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.rules.model import Level
from rawshake.tcp.option import Kind

#: RFC 7323 2.3: "the maximum scale exponent is limited to 14".
_LARGEST_SHIFT: Final = 14
#: A size that no stack takes for too small to be meant: BSD sends no less than 216 octets.
_MSS: Final = 300
_TEXT: Final = b"what is echoed in segments that are too long "[:40] * 10


@probe(
    "dialled-syn-announces", "O21", "RFC 9293 3.7.1 SHLD-5; RFC 9293 3.1 MUST-4; RFC 7323 2.3", Level.PROCEDURE,
    rules="mss-option-on-syn option-layout-wellformed wscale-capped-at-14", server=Server.DIALS,
)  # fmt: skip
def dialled_syn_announces(peer: Peer) -> Script:
    """The options of an active open's SYN are well-formed, each there once, and announce an MSS.

    What is announced here binds the whole connection. Without an MSS the other end keeps to 536 octets over IPv4 and
    1220 over IPv6, which is what a silent target may mean: a note. Linux has MSS, SACK-permitted, timestamps, window
    scale; lwIP MSS and window scale.
    """
    syn = (yield from dialled(peer)).segment
    defects = [one.defect for one in syn.options if one.defect]
    kinds = [one.kind for one in syn.options if one.kind not in (Kind.NOP, Kind.EOL)]
    if defects:
        return broken(f"An option of its SYN is malformed: {defects[0]}.", field="options",
                      expected="well-formed", actual=peer.text(syn))  # fmt: skip
    if syn.mss == 0:
        return broken("It announces an MSS of 0.", field="mss", expected="1 or more", actual=0)
    if syn.wscale is not None and syn.wscale > _LARGEST_SHIFT:
        return broken(
            f"It announces a shift of {syn.wscale}.", field="wscale", expected=14, actual=syn.wscale
        )
    found: list[Check] = []
    if len(set(kinds)) < len(kinds):
        what = "no option comes twice"
        found.append(warn("An option comes twice in its SYN.", what=what, actual=peer.text(syn)))
    if syn.mss is None:
        found.append(note("No MSS in its SYN: segments of the default size are all that it will get."))
    yield peer.send("S. 0: ack 1 <mss 1460>")
    yield peer.expect(". 1: ack 1", within=ANSWER)
    return tuple(found)


#: What no option may look like: an MSS of length 0, one of 3, one that goes past the end of the header.
_ILLEGAL: Final = {
    "of-zero": (b"\x02\x00\x05\xb4", "of 0"),
    "too-short": (b"\x02\x03\x05\x00", "of 3"),
    "past-the-end": (b"\x02\x28\x05\xb4", "past the end of the header"),
}


def illegal_length(options: bytes, words: str) -> ProbeFunction:
    """The script that answers a SYN with such ``options``."""

    def script(peer: Peer) -> Script:
        yield from syn_sent(peer)
        yield peer.send("S. 0: ack 1", options=options)
        came = yield peer.collect(WATCH)
        if any(one.segment.rst for one in came):
            yield peer.send("S. 0: ack 1 <mss 1460>")
            yield peer.expect("R.? 1:", ". 1: ack 1", within=ANSWER)
            return
        if not any(one.segment.has_ack for one in came):
            yield peer.send("S. 0: ack 1 <mss 1460>")
            yield peer.expect(". 1: ack 1", within=ANSWER)
        yield peer.send("P. 1:", data=b"hello")
        yield peer.expect(". ack 6", within=WATCH)

    script.__doc__ = f"""A SYN,ACK whose MSS option has a length {words} may be taken, dropped or reset; all goes on.

    The RFC suggests a reset; known stacks stop reading the options there, and open. What must not be is a loop that
    never comes to the end of the options: some have hung at a length of 0.
    """
    return script


for _name, (_options, _words) in _ILLEGAL.items():
    probe(
        f"synack-mss-length-{_name}-survived", "O22", "RFC 9293 3.1 MUST-7", Level.MUST,
        rules="illegal-option-length-survived", server=Server.DIALS, alone=True,
    )(illegal_length(_options, _words))  # fmt: skip


@probe(
    "mss-of-synack-obeyed", "O23", "RFC 9293 3.7.1 MUST-16; RFC 6691 2", Level.MUST,
    rules="send-mss-respected", server=Server.DIALS,
)  # fmt: skip
def mss_of_synack_obeyed(peer: Peer) -> Script:
    """Whoever dialled sends no segment longer than the MSS of our SYN,ACK.

    What is longer than the other end can take is lost, each time it is sent. Its program has to send something for
    that, or to send back what it gets.
    """
    yield from syn_sent(peer)
    yield peer.send(f"S. 0: ack 1 <mss {_MSS}>")
    yield peer.expect(". 1: ack 1", within=ANSWER)
    yield peer.collect(GREETING)
    yield peer.send("P. 1:", data=_TEXT)
    came = list((yield from peer.collect(0)))
    got = 0
    while got < len(_TEXT):
        one = yield from peer.next(within=PROGRAM)
        if one is None or one.segment.rst:
            break
        came.append(one)
        got += one.segment.payload_length
        if one.segment.length:
            yield peer.send(".")
    if got <= _MSS:
        undecided("its program does not send more than the MSS")
    return at_most(peer, tuple(came), _MSS)
