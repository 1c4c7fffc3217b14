"""What our segments shall look like where not as usual, and the options of our SYN that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rawshake.errors import Exit, Failure
from rawshake.impair import Impairment, Impairments
from rawshake.profile import SECOND, Deviation
from rawshake.tcp import option
from rawshake.tcp.option import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Crafting:
    """What is asked of our segments; None and 0 stand for the ordinary. ``timeout`` and ``delayed_ack`` are in ns."""

    isn: int | None = None
    sport: int = 0
    source: str | None = None
    interface: str | None = None
    ttl: int = 64
    window: int = 64240
    mss: int | None = None
    wscale: int | None = None
    timestamps: bool = False
    sack: bool = False
    ecn: bool = False
    options: tuple[Option, ...] | None = None
    family: Literal[4, 6] | None = None
    timeout: int = 10 * SECOND
    retries: int = 6
    bad: tuple[Deviation, ...] = ()
    drop: tuple[Impairment, ...] = ()
    duplicate: tuple[Impairment, ...] = ()
    reorder: tuple[Impairment, ...] = ()
    delay: tuple[Impairment, ...] = ()
    corrupt: tuple[Impairment, ...] = ()
    seed: int = 0
    delayed_ack: int = 0
    #: whoever asks may test the host, wherever it is
    allowed: bool = False

    @property
    def harms(self) -> list[str]:
        """What is to be done to segments, by the names above."""
        return [name for name in ("drop", "duplicate", "reorder", "delay", "corrupt") if getattr(self, name)]

    def impairments(self) -> Impairments:
        """What is done to the segments of one connection."""
        wanted = (*self.drop, *self.duplicate, *self.reorder, *self.delay, *self.corrupt)
        return Impairments(wanted, seed=self.seed)


def check(crafting: Crafting, *, dashes: str = "") -> None:
    """Refuse what contradicts itself; the names are told with ``dashes`` before them."""
    singles = {
        "mss": crafting.mss is not None,
        "wscale": crafting.wscale is not None,
        "timestamps": crafting.timestamps,
        "sack": crafting.sack,
    }
    given = [dashes + name for name, present in singles.items() if present]
    if crafting.options is not None and given:
        every = f"{dashes}options"
        raise Failure(
            Exit.USAGE,
            f"{every} says what all options are, and {' and '.join(given)} asks for one more.",
            f"Write it into {every}, or leave {every} out.",
        )
    spoiled = [f"{one.step}.{one.field}" for one in crafting.bad]
    twice = next((name for name in spoiled if spoiled.count(name) > 1), None)
    if twice is not None:
        raise Failure(
            Exit.USAGE,
            f"{dashes}bad says twice what {twice} is to be.",
            "Say it once; another step or field may be wrong as well.",
        )


def syn_options(crafting: Crafting, *, mss: int, now: int) -> tuple[Option, ...]:
    """The options of our SYN, in the order in which Linux has them; ``now`` in ns gives the TSval."""
    if crafting.options is not None:
        return crafting.options
    found = [option.mss(crafting.mss if crafting.mss is not None else mss)]
    if crafting.timestamps:
        lead = [option.SACK_PERMITTED] if crafting.sack else [option.NOP, option.NOP]
        found += [*lead, option.timestamps(option.timestamp_clock(now), 0)]
    elif crafting.sack:
        found += [option.NOP, option.NOP, option.SACK_PERMITTED]
    if crafting.wscale is not None:
        found += [option.NOP, option.wscale(crafting.wscale)]
    return tuple(found)
