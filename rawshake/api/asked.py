"""What a script asks of our segments, by the names and in the words of the command line, made into ``Crafting``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict

from rawshake.api.crafting import Crafting, check
from rawshake.errors import Exit, Failure
from rawshake.impair import Harm, Impairment, parse
from rawshake.profile import SECOND, Deviation, parse_deviation
from rawshake.tcp.notation import parse_options


class Asked(TypedDict, total=False):
    """What may be asked of our segments; what is left out is as usual."""

    #: initial sequence number; random unless given
    isn: int
    #: 4 or 6: IPv4 or IPv6 only
    family: Literal[4, 6]
    #: send over this interface, whatever the routes say
    interface: str
    #: TTL or hop limit
    ttl: int
    #: receive window in octets
    window: int
    #: value of the MSS option; from the interface unless given
    mss: int
    #: window scale with this shift, timestamps, selective acknowledgments, ECN: offered, or where a SYN comes answered
    wscale: int
    timestamps: bool
    sack: bool
    ecn: bool
    #: all options of our SYN in packetdrill's notation: "<mss 1460,nop,wscale 7>"
    options: str
    #: how often anything is sent again
    retries: int
    #: seconds for which an ACK may be delayed
    delayed_ack: float
    #: what to send wrong on purpose: "ack.ack=+1"
    bad: str | Sequence[str | Deviation]
    #: what to do to segments on our own side: "synack:1,5%"; the same seed harms the same ones again
    drop: str
    duplicate: str
    reorder: str
    delay: str
    corrupt: str
    seed: int
    #: the host may be tested, though it is in no private or test network
    allowed: bool


#: The least and the most that fits.
_BOUNDS: Final = {
    "isn": (0, (1 << 32) - 1),
    "ttl": (1, 255),
    "window": (0, 65535 << 14),
    "mss": (0, 65535),
    "wscale": (0, 255),
    "retries": (0, 100),
    "delayed_ack": (0, 0.5),  # RFC 9293 MUST-40
}


def crafted(asked: Asked, *, timeout: float, sport: int = 0, source: str | None = None) -> Crafting:
    """The same as ``Crafting``; ``timeout`` is in seconds. Raises Failure with USAGE for what cannot be,
    and TypeError for what there is not.
    """
    unknown = sorted(asked.keys() - Asked.__annotations__.keys())
    if unknown:
        raise TypeError(
            f"there is no keyword argument {unknown[0]!r}; there are {', '.join(Asked.__annotations__)}"
        )
    for name, (least, most) in _BOUNDS.items():
        within(name, asked.get(name), least, most)
    within("timeout", timeout, 0.01, 3600)
    within("sport", sport, 0, 65535)
    options, bad = asked.get("options"), asked.get("bad", ())
    try:
        parsed = None if options is None else parse_options(options)
    except ValueError as wrong:
        raise Failure(Exit.USAGE, f"The options {options!r} cannot be read: {wrong}") from None
    made = Crafting(
        isn=asked.get("isn"),
        sport=sport,
        source=source,
        interface=asked.get("interface"),
        ttl=asked.get("ttl", 64),
        window=asked.get("window", 64240),
        mss=asked.get("mss"),
        wscale=asked.get("wscale"),
        timestamps=asked.get("timestamps", False),
        sack=asked.get("sack", False),
        ecn=asked.get("ecn", False),
        options=parsed,
        family=asked.get("family"),
        timeout=ns(timeout),
        retries=asked.get("retries", 6),
        bad=tuple(map(_deviation, [bad] if isinstance(bad, str) else bad)),
        drop=_harmed(Harm.DROP, asked.get("drop", "")),
        duplicate=_harmed(Harm.DUPLICATE, asked.get("duplicate", "")),
        reorder=_harmed(Harm.REORDER, asked.get("reorder", "")),
        delay=_harmed(Harm.DELAY, asked.get("delay", "")),
        corrupt=_harmed(Harm.CORRUPT, asked.get("corrupt", "")),
        seed=asked.get("seed", 0),
        allowed=asked.get("allowed", False),
        delayed_ack=ns(asked.get("delayed_ack", 0.0)),
    )
    check(made)
    return made


def within(name: str, number: object, least: float, most: float) -> None:
    """Raise Failure with USAGE unless the number, if there is one, is one of those between."""
    if number is not None and not (isinstance(number, int | float) and least <= number <= most):
        raise Failure(Exit.USAGE, f"{name} is {number}, which is not between {least} and {most}.")


def ns(seconds: float) -> int:
    """Seconds as nanoseconds."""
    return round(seconds * SECOND)


def _deviation(asked: str | Deviation) -> Deviation:
    try:
        return parse_deviation(asked) if isinstance(asked, str) else asked
    except ValueError as wrong:
        raise Failure(Exit.USAGE, str(wrong)) from None


def _harmed(harm: Harm, text: str) -> tuple[Impairment, ...]:
    try:
        return parse(harm, text) if text else ()
    except ValueError as wrong:
        raise Failure(Exit.USAGE, str(wrong)) from None
