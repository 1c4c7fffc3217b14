"""What rawshake does to segments on its own side, in both directions: loses, doubles, delays, swaps, corrupts them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from rawshake.tcp.segment import Segment

MILLISECOND: Final = 1_000_000
#: How long a segment that is to be overtaken waits for another one.
PATIENCE: Final = 20 * MILLISECOND

#: How long a segment is delayed that no time is named for, and at most.
DELAY: Final = 100 * MILLISECOND
LONGEST: Final = 60_000 * MILLISECOND

#: Segments of ours have the names of ``--bad``, and rst and synack; those of the peer are told by what they are.
OURS: Final = ("syn", "ack", "data", "fin", "lastack", "rst", "synack")
THEIRS: Final = ("theirsyn", "theirack", "theirdata", "theirfin", "theirrst")
#: Names of all segments of one direction, and of all.
SIDES: Final = ("ours", "theirs", "any")
NAMES: Final = (*OURS, *THEIRS, *SIDES)


class Harm(Enum):
    """What may be done to a segment; the value stands in the transcript, before "by rawshake"."""

    DROP = "dropped"
    CORRUPT = "corrupted"
    DUPLICATE = "duplicated"
    DELAY = "delayed"
    REORDER = "reordered"


@dataclass(frozen=True, slots=True)
class Pick:
    """Which segments: the ``number``th called ``name``, from 1 on; or each of them with a ``chance`` of 0 to 1."""

    name: str
    number: int = 0
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Impairment:
    """One kind of harm, and to which segments; ``delay`` is in ns."""

    harm: Harm
    pick: Pick
    delay: int = 0


def parse(harm: Harm, text: str) -> tuple[Impairment, ...]:
    """``WHICH,...``: segments by name and number, by number alone, or by chance; of a delay ``WHICH=TIME``.

    ``synack:1`` is the first so called, and so is ``synack``; ``7`` the seventh of all; ``5%``, or ``0.05``, each with
    that chance; ``data:5%`` each so called. TIME is in seconds, or in ms as ``20ms``. Raises ValueError with a
    sentence.
    """
    found = []
    for part in text.split(","):
        which, _, time = part.partition("=")
        if time and harm is not Harm.DELAY:
            raise ValueError(f"{part!r} in {text!r} has a time, and only a delay has that.")
        delay = _duration(time, text) if time else DELAY
        found.append(Impairment(harm, _pick(which.strip(), text), delay if harm is Harm.DELAY else 0))
    return tuple(found)


def _pick(which: str, text: str) -> Pick:
    name, colon, amount = which.rpartition(":")
    if not colon and which[:1].isalpha():
        name, amount = which, "1"
    name = name or "any"
    if name not in NAMES:
        raise ValueError(f"{name!r} in {text!r} is no segment: {', '.join(NAMES)}.")
    if re.fullmatch(r"[1-9][0-9]{0,9}", amount):
        return Pick(name, number=int(amount))
    if re.fullmatch(r"[0-9]*\.[0-9]+|[0-9]+\.|[0-9]*\.?[0-9]+%|[0-9]+\.%", amount):
        chance = float(amount.rstrip("%")) / (100 if amount.endswith("%") else 1)
        if chance <= 1:
            return Pick(name, chance=chance)
    raise ValueError(f"{amount!r} in {text!r} does not say which: 1 is the first, 5% or 0.05 one in twenty.")


def _duration(time: str, text: str) -> int:
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)(ms|s|)", time.strip())
    if found is None:
        raise ValueError(f"{time!r} in {text!r} is no time: 20ms, or 0.02 for seconds.")
    delay = round(float(found[1]) * (MILLISECOND if found[2] == "ms" else 1000 * MILLISECOND))
    if not 0 < delay <= LONGEST:
        raise ValueError(f"{time!r} in {text!r} is not between 1 ns and a minute.")
    return delay


def name_of(segment: Segment) -> str:
    """The name of a segment of the peer."""
    if segment.rst:
        return "theirrst"
    if segment.syn:
        return "synack" if segment.has_ack else "theirsyn"
    if segment.fin:
        return "theirfin"
    return "theirdata" if segment.payload_length else "theirack"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of one segment; with ``delay`` (ns) and ``swapped`` it is held back.

    ``copies`` more of it follow it.
    """

    dropped: bool = False
    corrupted: bool = False
    copies: int = 0
    delay: int = 0
    swapped: bool = False

    @property
    def withheld(self) -> bool:
        """Whether it does not go on at once."""
        return self.dropped or self.swapped or self.delay > 0

    @property
    def arrivals(self) -> int:
        """How often it goes on in all."""
        return 0 if self.dropped else 1 + self.copies

    @property
    def note(self) -> str:
        """What the transcript says of it; empty where nothing was done to it, or only a copy made."""
        done = [Harm.DROP.value] if self.dropped else []
        if self.corrupted:
            done.append(Harm.CORRUPT.value)
        if self.delay:
            done.append(f"delayed by {_time(self.delay)}")
        if self.swapped:
            done.append(Harm.REORDER.value)
        return f"{' and '.join(done)} by rawshake" if done else ""


UNHARMED: Final = Treatment()


class Impairments:
    """Which segments of one connection are harmed, and how; the same ``seed`` harms the same ones again.

    Whether chance hits a segment depends on the seed, on its direction and on its number in that, and on nothing else.
    """

    def __init__(self, wanted: Sequence[Impairment] = (), *, seed: int = 0) -> None:
        self._wanted = tuple(wanted)
        self._seed = seed
        self._seen: dict[str, int] = {}

    def treat(self, name: str, *, ours: bool) -> Treatment:
        """What becomes of the next segment of that name and direction."""
        side = "ours" if ours else "theirs"
        numbers = {one: self._seen.get(one, 0) + 1 for one in (name, side, "any")}
        self._seen.update(numbers)
        treatment = UNHARMED
        for at, wanted in enumerate(self._wanted):
            number = numbers.get(wanted.pick.name)
            if number is None:
                continue
            hit = wanted.pick.number == number or self._chance(at, side, numbers[side]) < wanted.pick.chance
            if hit:
                treatment = _harmed(treatment, wanted)
        return replace(UNHARMED, dropped=True) if treatment.dropped else treatment

    def met(self, name: str) -> bool:
        """Whether there was a segment of that name."""
        return name in self._seen

    def missed(self) -> list[str]:
        """What was to be done to segments that have not come: ``drop data:3``."""
        return [
            f"{one.harm.name.lower()} {one.pick.name}:{one.pick.number}"
            for one in self._wanted
            if self._seen.get(one.pick.name, 0) < one.pick.number
        ]

    def _chance(self, at: int, side: str, number: int) -> float:
        """A number of 0 to 1, 1 excluded, as if it were random."""
        from hashlib import blake2b  # takes milliseconds to load, and chance is not always asked

        told = f"{self._seed}/{at}/{side}/{number}".encode()
        return int.from_bytes(blake2b(told, digest_size=8).digest(), "big") / (1 << 64)


def _harmed(treatment: Treatment, wanted: Impairment) -> Treatment:
    match wanted.harm:
        case Harm.DROP:
            return replace(treatment, dropped=True)
        case Harm.CORRUPT:
            return replace(treatment, corrupted=True)
        case Harm.DUPLICATE:
            return replace(treatment, copies=treatment.copies + 1)
        case Harm.DELAY:
            return replace(treatment, delay=treatment.delay + wanted.delay)
        case Harm.REORDER:
            return replace(treatment, swapped=True)


def _time(time: int) -> str:
    """``20 ms``, ``1.5 s``."""
    return f"{time / 1_000_000_000:g} s" if time >= 1_000_000_000 else f"{time / MILLISECOND:g} ms"


ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Held(Generic[ItemT]):
    """A segment held back: what it takes to let it go on, the number of the step that sent it, what was done to it."""

    item: ItemT
    number: int
    note: str
    ours: bool


@dataclass(slots=True)
class Road(Generic[ItemT]):
    """Segments that are held back, and when they go on; times are ns of whatever clock the caller has."""

    _waiting: list[tuple[int, int, Held[ItemT]]] = field(default_factory=list)
    #: of each direction those that wait until another one has passed them
    _overtaken: dict[bool, list[tuple[int, Held[ItemT]]]] = field(
        default_factory=lambda: {True: [], False: []}
    )
    _count: int = 0

    def hold(self, held: Held[ItemT], treatment: Treatment, now: int) -> None:
        """Let it go on after its delay, or, if it is to be overtaken, behind the next that passes."""
        if treatment.delay or not treatment.swapped:
            self._at(now + treatment.delay, held)
        else:
            self._overtaken[held.ours].append((now + PATIENCE, held))

    def passed(self, now: int, *, ours: bool) -> None:
        """One of that direction has gone on: those that it has overtaken follow."""
        for _, held in self._overtaken[ours]:
            self._at(now, held)
        self._overtaken[ours].clear()

    def _at(self, due: int, held: Held[ItemT]) -> None:
        self._count += 1
        heappush(self._waiting, (due, self._count, held))

    def deadline(self) -> int | None:
        """When the next one goes on."""
        bounds = [due for due, _, _ in self._waiting[:1]]
        bounds += [due for waiting in self._overtaken.values() for due, _ in waiting[:1]]
        return min(bounds, default=None)

    @property
    def empty(self) -> bool:
        """Whether nothing is held back."""
        return not self._waiting and not any(self._overtaken.values())

    def until(self, now: int) -> int:
        """When the last of them will have gone on, but no earlier than ``now``."""
        every = [due for due, _, _ in self._waiting]
        every += [due for waiting in self._overtaken.values() for due, _ in waiting]
        return max(every, default=now)

    def due(self, now: int) -> Held[ItemT] | None:
        """The next one that goes on by ``now``; it is held no more."""
        for waiting in self._overtaken.values():
            while waiting and waiting[0][0] <= now:
                self._at(*waiting.pop(0))
        if self._waiting and self._waiting[0][0] <= now:
            return heappop(self._waiting)[2]
        return None
