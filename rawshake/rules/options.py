"""Rules on options: their form, where they may stand, and what those of the SYNs bind both ends to."""

from __future__ import annotations

from typing import Final

from rawshake.rules.evidence import plain_ack
from rawshake.rules.model import Level, Outcome, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.decode import HEADER_CUT
from rawshake.tcp.option import Kind
from rawshake.tcp.view import UNREADABLE, Standing, Step

MAX_SHIFT: Final = 14


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
    return held("options", f"{segment.option_octets} octets of options, all well formed")


def _name(kind: int) -> str:
    return Kind(kind).name.lower() if kind in tuple(Kind) else f"option {kind}"


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
    duplicate by. Keep-alives of macOS and iOS, which the adapter sends while the host sleeps, have none: a note.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        < P. 1:6(5) ack 1 win 65535
    Fires (a keep-alive):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,TS val 100 ecr 0>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,TS val 9 ecr 100>
        > . 1:1(0) ack 1 win 65535 <nop,nop,TS val 101 ecr 9>
        +60 > . 0:0(0) ack 1 win 65535
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
    keep_alive = plain_ack(segment) and was.nxt is not None and segment.seq == was.nxt - 1
    verdict = Verdict.NOTE if keep_alive else None
    return broken("timestamps", sentence, expected="timestamps", actual="none", verdict=verdict)


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
