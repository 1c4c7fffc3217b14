"""Rules on options: their form, where they may stand, and what those of the SYNs bind both ends to."""

from __future__ import annotations

from typing import Final

from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.decode import HEADER_CUT
from rawshake.tcp.option import Kind
from rawshake.tcp.segment import Checksum, Segment
from rawshake.tcp.view import UNREADABLE, Standing, Step, View

MAX_SHIFT: Final = 14
#: Linux sends segments of up to so many octets however small the MSS, since CVE-2019-11479.
LINUX_MIN_MSS: Final = 48


@rule("option-layout-wellformed", "RFC 9293 3.1 MUST-68; RFC 9293 3.1 MUST-69", Level.MUST)
def option_layout_wellformed(step: Step) -> Outcome | None:
    """Every option has its size and ends inside the header; what follows the end of options is 0.

    All but EOL and NOP have a length octet of at least 2 that counts itself: 4 for MSS, 3 for window scale, 2
    for SACK-permitted, 10 for timestamps, 2 + 8n for SACK. The data offset is at least 5 words and inside the
    segment. Receivers stop reading at the first fault: Linux and lwIP keep what came before it.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535 <raw 02030500>
    Fires (octets after the end of options):
        > S 0:0(0) win 65535 <raw 020405b400010101>
    Fires (data offset):
        > S 0:0(0) win 65535 [defect: data offset 4 is less than 5]
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7,sackOK,nop,nop>
    """
    segment = step.segment
    for defect in segment.defects:
        if defect != HEADER_CUT:
            return broken("options", defect, expected="a header inside the segment", actual=defect)
    for option in segment.options:
        if option.defect is not None:
            sentence = f"{_name(option.kind)}: {option.defect}"
            return broken("options", sentence, expected="well formed", actual=option.wire.hex())
    if not segment.options or segment.defects:
        return None
    return held("options", f"{_option_octets(segment)} octets of options, all well formed")


def _name(kind: int) -> str:
    return Kind(kind).name.lower() if kind in tuple(Kind) else f"option {kind}"


def _option_octets(segment: Segment) -> int:
    return sum([option.size for option in segment.options])


@rule("mss-option-only-on-syn", "RFC 9293 3.2 MUST-65", Level.MUST_NOT)
def mss_option_only_on_syn(step: Step) -> Outcome | None:
    """An MSS option stands on a SYN and nowhere else.

    Receivers must get over one that does not (Linux ignores it), but a sender that repeats the options of its
    SYN on every segment takes room from the data and confuses those in between.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535 <mss 1460>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460>
        > . 1:1(0) ack 1 win 65535
    """
    return _only_on_syn(step, Kind.MSS)


@rule("wscale-syn-only", "RFC 7323 2.1; RFC 7323 2.2", Level.MUST_NOT)
def wscale_syn_only(step: Step) -> Outcome | None:
    """A window scale option stands on a SYN and nowhere else.

    The shift is fixed for the life of the connection when it opens; one that comes later is ignored.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512 <nop,wscale 7>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
        > . 1:1(0) ack 1 win 512
    """
    return _only_on_syn(step, Kind.WSCALE)


@rule("sack-permitted-only-on-syn", "RFC 2018 2", Level.MUST_NOT)
def sack_permitted_only_on_syn(step: Step) -> Outcome | None:
    """A SACK-permitted option stands on a SYN and nowhere else.

    On a later segment it permits nothing: Linux goes on without SACK.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535 <nop,nop,sackOK>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
    """
    return _only_on_syn(step, Kind.SACK_PERMITTED)


def _only_on_syn(step: Step, kind: Kind) -> Outcome | None:
    segment = step.segment
    if not segment.options or segment.option(kind) is None:
        return None
    if segment.syn:
        return held("options", f"{kind.name.lower()} on a SYN")
    sentence = f"{kind.name.lower()} on a segment without SYN"
    return broken("options", sentence, expected="none", actual=kind.name.lower())


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


def _default(segment: Segment) -> int:
    """RFC 9293 section 3.7.1, MUST-15."""
    return 1220 if segment.v6 else 536


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


@rule("wscale-capped-at-14", "RFC 7323 2.3", Level.MUST)
def wscale_capped_at_14(step: Step) -> Outcome | None:
    """A window scale is at most 14.

    2**14 * 65535 octets stay below 2**30, half of what sequence numbers can tell new from old. A receiver
    takes more than 14 for 14.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 15>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 14>
    """
    segment = step.segment
    if not segment.syn or segment.wscale is None:
        return None
    if segment.wscale <= MAX_SHIFT:
        return held("options", f"wscale {segment.wscale} is at most 14")
    sentence = f"wscale {segment.wscale} is more than 14"
    return broken("options", sentence, expected="0 to 14", actual=segment.wscale)


@rule("synack-wscale-ts-only-if-offered", "RFC 7323 2.2; RFC 7323 3.2; RFC 7323 1.3", Level.MUST_NOT)
def synack_wscale_ts_only_if_offered(step: Step) -> Outcome | None:
    """A SYN,ACK has window scale or timestamps only if the SYN had them.

    Both are in force only if both SYNs carry them. A server that answers an offer that nobody made thinks that
    its windows are shifted, and the client does not. SACK-permitted is no answer: each end permits for itself.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>
    Fires (timestamps):
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,wscale 7,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7,nop,nop,TS val 7 ecr 100>
    """
    segment, offered = step.segment, step.peer_was.offered
    if not segment.syn or not segment.has_ack or segment.rst or offered is None:
        return None
    if not step.was.passive or step.peer_was.renumbered:
        return None  # in a simultaneous open each end made its own offer
    answered = [kind for kind in (Kind.WSCALE, Kind.TIMESTAMPS) if segment.option(kind) is not None]
    unasked = " and ".join(kind.name.lower() for kind in answered if kind not in offered)
    if unasked and UNREADABLE in offered:
        return undecidable("options", "what the SYN offered cannot be read")
    if unasked:
        return broken("options", f"{unasked}, which no SYN offered", expected="none", actual=unasked)
    if not answered:
        return None
    return held("options", " and ".join(kind.name.lower() for kind in answered) + ", as the SYN offered")


@rule("ts-on-every-segment", "RFC 7323 3.2", Level.MUST)
def ts_on_every_segment(step: Step) -> Outcome | None:
    """Where both SYNs had timestamps, so has every segment but a RST.

    A receiver may drop what comes without (FreeBSD does, Linux does not), and has nothing to tell an old
    duplicate by.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        < P. 1:6(5) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        < P. 1:6(5) ack 1 win 65535 <nop,nop,TS val 10 ecr 101>
        > R 1:1(0) win 0
    """
    segment, was, peer = step.segment, step.was, step.peer_was
    if not was.timestamps or not peer.timestamps or segment.syn or segment.rst or segment.defects:
        return None
    if step.standing is Standing.NO_CONNECTION or was.renumbered or peer.renumbered:
        return None
    if any(
        option.kind == Kind.TIMESTAMPS for option in segment.options
    ):  # option-layout-wellformed looks inside
        return held("timestamps", "timestamps, as on both SYNs")
    sentence = "no timestamps, though both SYNs had them"
    return broken("timestamps", sentence, expected="timestamps", actual="none")


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
    receiving host show segments that the hardware cuts or has merged; those decide nothing. Below an MSS of
    48 Linux knowingly sends more (CVE-2019-11479). A server that uses SYN cookies keeps no MSS below 536 (1220
    over IPv6): where its SYN,ACK may have been such a cookie, so much is a note.

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
    data, options = segment.payload_length, _option_octets(segment)
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
    return broken("mss", sentence, expected=mss, actual=data + options)


def _maybe_cookie(server: View) -> bool:
    """Whether its SYN,ACK may hold all that it remembers of the SYN (RFC 4987 section 3.6).

    Window scale and SACK-permitted are kept in the timestamp, and given up where there is none.
    """
    return server.passive and (server.timestamps or (server.wscale is None and not server.sack_permitted))


@rule("sack-only-if-permitted", "RFC 2018 4", Level.MUST_NOT)
def sack_only_if_permitted(step: Step) -> Outcome | None:
    """No SACK option goes to a peer whose SYN had no SACK-permitted.

    The peer need not understand it, and one that came later permits nothing.

    Fires:
        > S 0:0(0) win 65535 <mss 1460>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > . 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > . 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > . 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 201 win 65535
    """
    segment, offered = step.segment, step.peer_was.offered
    if not segment.options or segment.option(Kind.SACK) is None or offered is None:
        return None
    if Kind.SACK_PERMITTED in offered:
        return held("options", "SACK, as the peer permitted")
    return broken("options", "SACK to a peer that did not permit it", expected="none", actual="SACK")
