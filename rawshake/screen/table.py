"""What the normal form makes of every rule: when it is exercised, and that it then holds.

In the normal form (``form.py``) no rule is ever broken. Each is either exercised, and holds, where a connection
has one of the things named here, or it has nothing to say. What a connection may leave undecided besides is
in ``UNDECIDED``. A rule that is not in this table keeps the screen from being used at all.
"""

from __future__ import annotations

from collections import Counter
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
    #: data that was pushed; data before any was acknowledged; data acknowledged by who had sent its FIN
    PUSHED = auto()
    FIRST_FLIGHT = auto()
    HALF_CLOSED = auto()
    #: timestamps on both SYNs, and an echo of what came first
    STAMPED = auto()
    ECHOED = auto()
    #: the tap was near that end
    NEAR_CLIENT = auto()
    NEAR_SERVER = auto()
    #: that end acknowledged data or a FIN
    ACKED_BY_CLIENT = auto()
    ACKED_BY_SERVER = auto()
    #: it sent an ACK that holds nothing
    BARE_BY_CLIENT = auto()
    BARE_BY_SERVER = auto()
    #: its pushed data was acknowledged before it sent anything else
    CALM_CLIENT = auto()
    CALM_SERVER = auto()
    #: an ACK of it covers more than one full-sized segment, or more than two
    EACH_SECOND_BY_CLIENT = auto()
    EACH_SECOND_BY_SERVER = auto()
    GLUED_BY_CLIENT = auto()
    GLUED_BY_SERVER = auto()


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
    # timestamps, sack, ecn: no SACK, no marks
    "ts-echo-rules": Seen.ECHOED,
    "ts-value-monotonic": Seen.STAMPED,
    "rst-carries-timestamp": NEVER,
    "sack-blocks-sane": NEVER,
    "sack-sent-on-gap": NEVER,
    "dsack-reported": NEVER,
    "sack-block-order": NEVER,
    "ecn-synack-only-after-setup-syn": NEVER,
    "ecn-no-ect-before-negotiation": NEVER,
    "ecn-no-ect-on-ack-rexmit-probe": NEVER,
    "ecn-ece-latched": NEVER,
    "ecn-cwr-on-new-data": NEVER,
    # halfclose, keepalive, timewait, persist, sending
    "half-close-supported": Seen.HALF_CLOSED,
    "half-duplex-close-rst": NEVER,
    "close-with-unread-data-rst": NEVER,
    "keepalive-answered": NEVER,
    "keepalive-form": NEVER,
    "timewait-reacks": NEVER,
    "receiver-sws-avoided": NEVER,
    "initial-window-bounded": Seen.FIRST_FLIGHT,
    "psh-on-last-segment": Seen.PUSHED,
    "syn-only-opens": NEVER,
}

#: Rules that need the tap near the end that they judge, and what exercises them of the client and of the server.
#: Where it was not near that is one outcome that cannot be decided.
NEAR: Final[dict[str, tuple[Seen, Seen]]] = {
    # replies
    "unacceptable-seq-acked": (NEVER, NEVER),
    "out-of-order-dup-ack": (NEVER, NEVER),
    "pure-ack-not-acked": (Seen.BARE_BY_CLIENT, Seen.BARE_BY_SERVER),
    "one-ack-per-segment": (Seen.BARE_BY_CLIENT, Seen.BARE_BY_SERVER),
    # delayed_ack
    "delayed-ack-under-500ms": (Seen.ACKED_BY_CLIENT, Seen.ACKED_BY_SERVER),
    "ack-every-second-segment": (Seen.EACH_SECOND_BY_CLIENT, Seen.EACH_SECOND_BY_SERVER),
    # retransmission: nothing is sent twice
    "no-early-retransmit": (NEVER, NEVER),
    "syn-backoff": (NEVER, NEVER),
    "data-rto-backoff": (NEVER, NEVER),
    "rto-at-least-1s": (NEVER, NEVER),
    "fast-retransmit": (NEVER, NEVER),
    # persist: no window is closed
    "zero-window-probed": (NEVER, NEVER),
    # sending
    "nagle-coalesces": (Seen.CALM_CLIENT, Seen.CALM_SERVER),
}
#: Of a rule of those: what leaves it undecided even where the tap was near.
GLUED: Final = (
    "ack-every-second-segment",
    "segments that came in one burst may have been glued together",
    (Seen.GLUED_BY_CLIENT, Seen.GLUED_BY_SERVER),
)
_NEARNESS: Final = (Seen.NEAR_CLIENT, Seen.NEAR_SERVER)
NOT_NEAR: Final = ("the tap was not near the client", "the tap was not near the server")

#: What these rules leave undecided, once for each segment that is larger than the MSS (or the default of one)
#: and has its checksum left to the hardware.
TOO_LARGE: Final = ("send-mss-respected", "segments that the hardware cuts or merges show no size")
ECHO_UNSURE: Final = (
    "ts-echo-rules",
    "TSecr is not of the first segment acknowledged, unless an ACK was missed",
)
TOO_LARGE_BY_DEFAULT: Final = ("send-mss-default", "segments that the hardware cuts or merges show no size")


#: Rules over the whole capture, which columns decide, or are asked themselves (``whole.py``).
ASKED: Final = frozenset(
    {"isn-differs-across-tuples", "isn-clock-same-tuple", "timewait-syn-reopen", "syn-r2-three-minutes"}
)


def undeclared(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The rules of which the table does not say what the normal form makes of them."""
    known = EXERCISED.keys() | NEAR.keys() | ASKED
    return tuple(rule.id for rule in rules if rule.id not in known)


def held(rules: Iterable[str], seen: int) -> frozenset[str]:
    """Which of the rules hold in a connection that has ``seen``, a sum of Seen."""
    found = {rule for rule in rules if EXERCISED.get(rule, NEVER) & seen}
    for rule in rules:
        for end, which in enumerate(NEAR.get(rule, ())):
            glued = rule == GLUED[0] and GLUED[2][end] & seen
            if which & seen and _NEARNESS[end] & seen and not glued:
                found.add(rule)
    return frozenset(found)


def undecided(rules: Iterable[str], seen: int) -> Counter[tuple[str, str]]:
    """What cannot be decided of such a connection, but for what is counted besides."""
    found: Counter[tuple[str, str]] = Counter()
    for rule in rules:
        for end, which in enumerate(NEAR.get(rule, ())):
            if not which & seen:
                continue
            if not _NEARNESS[end] & seen:
                found[rule, NOT_NEAR[end]] += 1
            elif rule == GLUED[0] and GLUED[2][end] & seen:
                found[GLUED[:2]] += 1
    return found
