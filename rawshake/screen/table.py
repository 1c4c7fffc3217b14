"""What the normal form makes of every rule: when it is exercised, and that it then holds.

In the normal form (``form.py``) no rule is ever broken. Each is either exercised, and holds, where a connection
has one of the things named here, or it has nothing to say. What a connection may leave undecided besides is
in ``UNDECIDED``. A rule that is not in this table keeps the screen from being used at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag, auto
from typing import Final

from rawshake.rules.model import Rule


class Seen(IntFlag):
    """What a connection of the normal form may have."""

    ALWAYS = auto()
    #: a checksum that is right, and not only left to the hardware
    CHECKSUM = auto()
    #: a segment with options
    OPTIONS = auto()
    #: on the SYN or the SYN,ACK
    MSS = auto()
    WSCALE = auto()
    SACK = auto()
    #: window scale or timestamps on the SYN,ACK
    ANSWER = auto()
    #: a segment after the SYNs, where both had timestamps
    TIMESTAMPS = auto()
    SYN_ACK = auto()
    #: a segment after the SYN,ACK: the first is the client's
    THIRD = auto()
    #: and another one after that
    FOURTH = auto()
    #: more octets than one at once
    DATA = auto()
    #: data that the receiver's MSS allows, or where it named none, the default
    MSS_RESPECTED = auto()
    MSS_DEFAULT = auto()
    #: such data of the client in the window of the SYN,ACK, where all later ones are shifted
    UNSHIFTED = auto()
    #: such data to a client that offered window scale in vain
    NEVER_SHIFTED = auto()
    #: a window after the first of that end, while data may come
    WINDOW = auto()
    FIN = auto()
    FIN_ACKED = auto()


NEVER: Final = Seen(0)

EXERCISED: Final[dict[str, Seen]] = {
    # header
    "checksum-sent-valid": Seen.CHECKSUM,
    "reserved-bits-sent-zero": Seen.ALWAYS,
    "ack-bit-after-handshake": Seen.THIRD,
    "urgent-pointer-semantics": NEVER,  # no URG
    # options
    "option-layout-wellformed": Seen.OPTIONS,
    "mss-option-only-on-syn": Seen.MSS,
    "wscale-syn-only": Seen.WSCALE,
    "sack-permitted-only-on-syn": Seen.SACK,
    "mss-option-on-syn": Seen.MSS,
    "mss-value-from-mtu": Seen.MSS,
    "wscale-capped-at-14": Seen.WSCALE,
    "synack-wscale-ts-only-if-offered": Seen.ANSWER,
    "ts-on-every-segment": Seen.TIMESTAMPS,
    "send-mss-default": Seen.MSS_DEFAULT,
    "send-mss-respected": Seen.MSS_RESPECTED,
    "sack-only-if-permitted": NEVER,  # no SACK
    # handshake
    "synack-form": Seen.SYN_ACK,
    "syn-form": Seen.ALWAYS,
    "syn-data-ack-bounds": NEVER,  # no data on a SYN
    "synack-ack-is-isn-plus-1": Seen.SYN_ACK,
    "synrcvd-another-syn": NEVER,  # no SYN twice
    "simultaneous-open": NEVER,
    "handshake-third-ack": Seen.THIRD,
    # refusal and reset: no RST, and no ACK of what was never sent
    "closed-noack-rst": NEVER,
    "synsent-bad-ack-rst": NEVER,
    "synrcvd-bad-ack-rst": NEVER,
    "rst-never-answered": NEVER,
    "abort-rst-seq": NEVER,
    "closed-ack-rst": NEVER,
    "rst-ack-in-bounds": NEVER,
    "no-rst-while-synchronized": NEVER,
    "rst-exact-resets": NEVER,
    # close
    "fin-is-final": Seen.FIN,
    "data-beyond-fin-ignored": Seen.FIN_ACKED,
    "fin-acked": Seen.FIN_ACKED,
    "fin-never-acked": NEVER,  # no FIN twice
    "passive-close-sequence": NEVER,
    "active-close-sequence": NEVER,
    # acceptance: only of what rawshake itself sent
    "checksum-bad-segment-dropped": NEVER,
    "no-ack-bit-dropped": NEVER,
    "unsent-ack-answered": NEVER,
    "early-fin-waits": NEVER,
    "ack-is-cumulative": NEVER,
    # acknowledgment
    "ack-never-exceeds-received": Seen.FOURTH,
    "ack-never-recedes": NEVER,
    # sequence
    "sequence-contiguous": Seen.THIRD,
    "sequence-gap-filled": NEVER,
    "retransmission-same-bytes": NEVER,  # nothing is sent twice
    # windows
    "syn-window-unscaled": Seen.UNSHIFTED,
    "wscale-applied": Seen.NEVER_SHIFTED,
    "sender-within-window": Seen.DATA,
    "window-not-shrunk": Seen.WINDOW,
    # isn: of the whole capture, and asked all the same (settle.py)
    "isn-differs-across-tuples": NEVER,
    "isn-clock-same-tuple": NEVER,
}

#: What these rules leave undecided, once for each segment that is larger than the MSS (or the default of one)
#: and has its checksum left to the hardware.
TOO_LARGE: Final = ("send-mss-respected", "segments that the hardware cuts or merges show no size")
TOO_LARGE_BY_DEFAULT: Final = ("send-mss-default", "segments that the hardware cuts or merges show no size")


def undeclared(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The rules of which the table does not say what the normal form makes of them."""
    return tuple(rule.id for rule in rules if rule.id not in EXERCISED)
