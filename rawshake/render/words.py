"""What a segment and a ruling are called in the words that a learner reads."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rawshake.judge import Ruling
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import LETTERS, End, Ends, Fate, Standing, Step
from rawshake.tcp.words import relative

#: In the order in which people say them: "SYN,ACK", "FIN,ACK".
FLAG_NAMES: Final = {
    "SYN": Flags.SYN, "FIN": Flags.FIN, "RST": Flags.RST, "PSH": Flags.PSH, "ACK": Flags.ACK,
    "URG": Flags.URG, "ECE": Flags.ECE, "CWR": Flags.CWR, "AE": Flags.AE,
    "R1": Flags.R1, "R2": Flags.R2, "R3": Flags.R3,
}  # fmt: skip

#: What becomes of a segment that its receiver does not simply take; {} is the receiver.
_STANDINGS: Final = {
    Standing.OLD: "old to the {}",
    Standing.OUT_OF_WINDOW: "outside the {}'s window",
    Standing.BAD_ACK: "its ack is not acceptable to the {}",
    Standing.NO_ACK: "the {} drops it, for it has no ACK",
    Standing.SYN_CHALLENGED: "the {} challenges it: a SYN inside a connection",
    Standing.RST_CHALLENGED: "the {} challenges it: not at RCV.NXT",
    Standing.RST_IGNORED: "the {} must not believe it",
    Standing.NO_CONNECTION: "the {} has no connection for it",
    Standing.DROPPED: "the {} drops it",
}


def flag_names(flags: Flags) -> list[str]:
    """The names of the flags that are set."""
    return [name for name, flag in FLAG_NAMES.items() if flags & flag]


def flags_text(flags: Flags) -> str:
    """``SYN,ACK``, or ``no flags``."""
    return _flags_text(flags.value)


@lru_cache(maxsize=4096)
def _flags_text(value: int) -> str:
    return ",".join(flag_names(Flags(value))) or "no flags"


def numbers_nothing(segment: Segment) -> bool:
    """Whether its sequence number is the 0 of a reset that answers a segment without ACK."""
    # RFC 9293 3.10.7.1: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
    return segment.rst and segment.has_ack and not segment.seq.value


def seq_text(step: Step) -> str:
    """The sequence number, relative to the sender's ISN: ``a+1`` for the client, ``b`` for the server.

    Empty for a number that has nothing to do with the connection.
    """
    segment = step.segment
    if numbers_nothing(segment):
        return ""
    return _relative(segment.seq, step.now.iss, step.sender, syn=segment.syn)


def ack_text(step: Step) -> str:
    """The acknowledgment number, relative to the receiver's ISN; empty without ACK."""
    if not step.segment.has_ack:
        return ""
    return _relative(step.segment.ack, step.peer_now.iss, step.receiver)


def _equals(number: Seq, isn: Seq | None, end: End) -> str:
    relative = _relative(number, isn, end)
    return f" = {relative}" if relative else ""


def _relative(number: Seq, isn: Seq | None, end: End, *, syn: bool = False) -> str:
    if isn is None:
        return ""
    return f"{relative(number, isn, LETTERS[end])}{' (ISN)' * (syn and number == isn)}"


def window_text(step: Step) -> str:
    """The window in octets, scaled where the handshake agreed on it; empty for a reset, which has none."""
    segment = step.segment
    if segment.rst and not segment.window:
        return ""
    shift = 0 if segment.syn else step.now.shift
    return f"win {segment.window << shift}"


def control_text(segment: Segment) -> str:
    """The numbers that SYN and FIN occupy beside the payload: ``+1 (SYN)``; empty where there are none."""
    flags = segment.flags & (Flags.SYN | Flags.FIN)
    return f"+{segment.length - segment.payload_length} ({flags_text(flags)})" if flags else ""


def remarks(step: Step, *, ours: End | None) -> list[str]:
    """What else is to be said of a segment, a few words each; they may hold text of the peer's."""
    segment = step.segment
    found = []
    if step.fate is Fate.LOST and not step.note:
        found.append("lost")
    if step.again:
        found.append("sent again")
    if ours is step.sender and not step.ours and not step.note:
        found.append("not made by rawshake")
    if segment.checksum is Checksum.WRONG:
        found.append("checksum wrong")
    if step.fate is not Fate.LOST and step.standing in _STANDINGS:
        found.append(_STANDINGS[step.standing].format(step.receiver))
    if segment.flags & Flags.URG or segment.urgent:
        found.append(f"urgent pointer {segment.urgent}")
    if segment.ack.value and not segment.has_ack:
        found.append(f"ack field {segment.ack} without ACK")
    found += [f"option {option.kind}: {option.defect}" for option in segment.options if option.defect]
    found += segment.defects
    if step.note:
        found.append(step.note)
    if step.meant is not None:
        found += _meant(step, step.meant)
    return found


def _meant(step: Step, meant: Segment) -> list[str]:
    """What would have been right in place of what was sent; of a checksum it is said that it is wrong."""
    sent = step.segment
    right = []
    if sent.seq != meant.seq:
        right.append(f"seq {meant.seq}{_equals(meant.seq, step.now.iss, step.sender)}")
    if sent.ack != meant.ack:
        right.append(f"ack {meant.ack}{_equals(meant.ack, step.peer_now.iss, step.receiver)}")
    if sent.flags != meant.flags:
        right.append(flags_text(meant.flags))
    if sent.window != meant.window:
        right.append(f"win field {meant.window}")
    return [f"right: {', '.join(right)}"] if right else []


def states_before(step: Step) -> tuple[str, str]:
    """The states of client and server before the segment, as a ladder's head shows them."""
    if step.number == 1 and step.segment.syn and not step.segment.has_ack:
        # The tracker says so only together with the first segment.
        states = {step.sender: "CLOSED", step.receiver: "LISTEN?"}
        return states[End.CLIENT], states[End.SERVER]
    return states_of(step.before)


def states_of(ends: Ends) -> tuple[str, str]:
    """The states of client and server."""
    return ends.client.state, ends.server.state


def who(ruling: Ruling) -> str:
    """Who is charged: ``us``, ``the client``, ``the server``."""
    return "us" if ruling.ours else f"the {ruling.end}"


def endpoint_text(address: tuple[str, int]) -> str:
    """``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def payload_of(segment: Segment) -> bytes:
    """The octets of payload that were captured."""
    return segment.payload[: segment.payload_length]
