"""Rules on the MSS: what a SYN offers, and that nothing larger is sent."""

from __future__ import annotations

from typing import Final

from rawshake.rules.evidence import ETHERNET_MSS, certain
from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import Step, View

#: Linux sends segments of up to so many octets however small the MSS, since CVE-2019-11479.
LINUX_MIN_MSS: Final = 48


@rule("mss-option-on-syn", "RFC 9293 3.7.1 SHLD-5; RFC 9293 3.7.1 MAY-3", Level.SHOULD)
def mss_option_on_syn(step: Step) -> Outcome | None:
    """Every SYN and SYN,ACK of a host whose MSS is not the default carries the option.

    Without it the peer sends segments of at most 536 octets (1220 over IPv6). A host may leave it out when
    that is its very MSS, so one SYN without it breaks nothing; but a host that has named another value and
    then repeats its SYN,ACK without the option has forgotten it. A client's SYN may be repeated with fewer
    options, to get past those that dislike them.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        +1 < S. 0:0(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
    """
    segment, was = step.segment, step.was
    if not segment.syn or segment.rst:
        return None
    if segment.mss is not None:
        return held("options", f"mss {segment.mss} is named")
    known = was.mss if was.iss == segment.seq else None
    if not segment.has_ack or known is None or known == _default(segment) or segment.defects:
        return None
    sentence = f"no mss option, though the SYN before had mss {known}"
    return broken("options", sentence, expected=f"mss {known}", actual="none")


@rule("mss-value-from-mtu", "RFC 9293 3.7.1 MUST-67; RFC 6691 2", Level.MUST)
def mss_value_from_mtu(step: Step) -> Outcome | None:
    """The MSS is what the largest datagram leaves beside the fixed headers: MTU - 40, or - 60 over IPv6.

    1460 and 1440 on Ethernet; options are not taken off. The interface does not show on the wire, so only the
    impossible is noted: no room at all, or more than a datagram of 65535 octets holds. Linux takes an MSS of 0
    for 536. Over IPv6 65535 stands for jumbograms (RFC 2675).

    Fires:
        > S 0:0(0) win 65535 <mss 65535>
    Fires (no room):
        > S 0:0(0) win 65535 <mss 0>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460>
    """
    segment = step.segment
    if not segment.syn or segment.mss is None:
        return None
    mss, headers, most = segment.mss, 40, 65495
    if segment.v6:
        headers, most = 60, 65515
    if mss == 0 or (mss > most and not (segment.v6 and mss == 65535)):
        sentence = f"mss {mss} is of no datagram: it holds 1 to {most} octets"
        return broken("mss", sentence, expected=f"1 to {most}", actual=mss, verdict=Verdict.NOTE)
    return held("mss", f"mss {mss} = MTU {mss + headers} - {headers}")


@rule("send-mss-default", "RFC 9293 3.7.1 MUST-15", Level.MUST)
def send_mss_default(step: Step) -> Outcome | None:
    """To a peer whose SYN had no MSS option go at most 536 octets at once, 1220 over IPv6, less options.

    More may not fit where the peer lives. Captures on the sending host show larger segments that the hardware
    will cut; those with a checksum left to it decide nothing.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:538(537) ack 1 win 65535
        > . 1:1(0) ack 538 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:537(536) ack 1 win 65535
        > . 1:1(0) ack 537 win 65535
    """
    offered = step.peer_was.offered
    if offered is None or Kind.MSS in offered:
        return None
    return _fits(step, _default(step.segment), "default mss")


@rule("send-mss-respected", "RFC 9293 3.7.1 MUST-16; RFC 6691 2", Level.MUST)
def send_mss_respected(step: Step) -> Outcome | None:
    """Data and options of a segment together take no more octets than the peer's MSS.

    Options come out of the data: 1448 with timestamps where the MSS is 1460. Captures on the sending or
    receiving host show segments that the hardware cuts or has merged; those decide nothing. What
    is larger than Ethernet carries may have been merged by a tunnel that fills in the checksum: a warning. Below
    an MSS of 48 Linux knowingly sends more (CVE-2019-11479). A server that uses SYN cookies keeps no MSS below
    536 (1220 over IPv6): where its SYN,ACK may have been such a cookie, so much is a note.

    Fires:
        > S 0:0(0) win 65535 <mss 600>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
        < P. 1:602(601) ack 1 win 65535
        > . 1:1(0) ack 602 win 65535
    Fires (as a SYN cookie may):
        > S 0:0(0) win 65535 <mss 100>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
        < P. 1:102(101) ack 1 win 65535
        > . 1:1(0) ack 102 win 65535
    Fires (no SYN cookie, for it keeps no window scale without timestamps):
        > S 0:0(0) win 65535 <mss 100,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
        < P. 1:102(101) ack 1 win 512
        > . 1:1(0) ack 102 win 512
    Quiet:
        > S 0:0(0) win 65535 <mss 100>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
        < P. 1:101(100) ack 1 win 65535
        > . 1:1(0) ack 101 win 65535
    """
    mss = step.peer_was.mss
    if not mss or step.peer_was.offered is None:  # what to make of an MSS of 0 no standard says
        return None
    return _fits(step, mss, "mss")


def _fits(step: Step, mss: int, name: str) -> Outcome | None:
    segment = step.segment
    if not segment.payload_length or segment.syn or segment.rst:
        return None
    data, options = segment.payload_length, segment.option_octets
    total = f"{data} octets" if not options else f"{data} + {options} octets of options = {data + options}"
    if data + options <= mss:
        return held("mss", f"{total}, at most {name} {mss}")
    if segment.checksum is Checksum.UNVERIFIABLE:
        return undecidable("mss", "segments that the hardware cuts or merges show no size")
    if data + options <= LINUX_MIN_MSS:
        sentence = f"{total}, more than {name} {mss}: Linux goes no lower than {LINUX_MIN_MSS}"
        return broken("mss", sentence, expected=mss, actual=data + options, verdict=Verdict.KNOWN)
    sentence = f"{total}, more than {name} {mss}"
    if data + options <= _default(segment) and _maybe_cookie(step.was):
        sentence += ": a server with SYN cookies may do so"
        return broken("mss", sentence, expected=mss, actual=data + options, verdict=Verdict.NOTE)
    if data + options > ETHERNET_MSS and not certain(step):
        sentence += ", or merged before the tap"
        return broken("mss", sentence, expected=mss, actual=data + options, verdict=Verdict.WARN)
    return broken("mss", sentence, expected=mss, actual=data + options)


def _maybe_cookie(server: View) -> bool:
    """Whether its SYN,ACK may hold all that it remembers of the SYN (RFC 4987 section 3.6).

    Window scale and SACK-permitted are kept in the timestamp, and given up where there is none.
    """
    return server.passive and (server.timestamps or (server.wscale is None and not server.sack_permitted))


def _default(segment: Segment) -> int:
    """RFC 9293 section 3.7.1, MUST-15."""
    return 1220 if segment.v6 else 536
