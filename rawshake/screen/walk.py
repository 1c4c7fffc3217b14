"""Where the records of a pcap file begin, found in many stretches of a block at once."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rawshake.trace.pcap import LARGEST

#: How many octets a stretch has, at least; its first record is guessed, and proved by the stretch before.
STRETCH: Final = 1 << 16
#: How many records in a row must look like records before a guess is worth a try, and how many are tried.
_LIKELY: Final = 4
_TRIES: Final = 200

Ints = NDArray[np.int64]


class Walk(NamedTuple):
    """Where the whole records of a block begin, where the first that is not whole does, and whether it is damaged."""

    starts: Ints
    end: int
    damaged: bool


def walk(block: bytes, size: int, order: str, header: int, stretch: int = STRETCH) -> Walk:
    """Find every record in the first ``size`` octets of ``block``, which begins with one.

    ``header`` is the length of a record's header in octets.

    Each stretch is walked from a guess, all of them in lock step. That a guess was right is proved by the walk
    from the one before, which must come upon it; where it does not, records are followed one by one until they
    do come upon one.
    """
    if size < header:
        return Walk(np.zeros(0, np.int64), 0, damaged=False)
    guesses = [0, *_guesses(block, size, order, header, stretch)]
    firsts = np.array(guesses, np.int64)
    limits = np.append(firsts[1:], size)
    lengths = np.ndarray((len(block) - 3,), f"{order}u4", block, strides=(1,))
    at = firsts.copy()
    going = np.arange(len(at))
    seen: list[tuple[Ints, Ints]] = []
    while len(going):
        here = at[going]
        fits = here + header <= size
        captured = lengths[np.where(fits, here, 0) + 8].astype(np.int64)
        after = here + header + captured
        good = fits & (captured <= LARGEST) & (after <= size)
        going, here, after = going[good], here[good], after[good]
        seen.append((going, here))
        at[going] = after
        going = going[after < limits[going]]
    return _chained(block, size, order, header, guesses, at, seen)


def _chained(
    block: bytes,
    size: int,
    order: str,
    header: int,
    guesses: list[int],
    finals: Ints,
    seen: list[tuple[Ints, Ints]],
) -> Walk:
    """Put together what was walked, from the only beginning that is known."""
    stretches = np.concatenate([going for going, _ in seen])
    starts = np.concatenate([here for _, here in seen])
    by_stretch = np.argsort(stretches, kind="stable")
    starts = starts[by_stretch]
    edges = np.searchsorted(stretches[by_stretch], np.arange(len(guesses) + 1))
    index = {guess: k for k, guess in enumerate(guesses)}
    if (finals[:-1] == guesses[1:]).all():
        return Walk(starts, int(finals[-1]), _damaged(block, size, order, header, int(finals[-1])))
    pieces: list[Ints] = []
    at = 0
    unpack = struct.Struct(f"{order}I").unpack_from
    while True:
        k = index.get(at)
        if k is not None and finals[k] > at:
            pieces.append(starts[edges[k] : edges[k + 1]])
            at = int(finals[k])
            continue
        alone: list[int] = []
        while at + header <= size and (at not in index or not alone):
            (captured,) = unpack(block, at + 8)
            if captured > LARGEST or at + header + captured > size:
                break
            alone.append(at)
            at += header + captured
        pieces.append(np.array(alone, np.int64))
        if not alone:
            return Walk(np.concatenate(pieces), at, _damaged(block, size, order, header, at))


def _damaged(block: bytes, size: int, order: str, header: int, at: int) -> bool:
    if at + header > size:
        return False
    return bool(struct.unpack_from(f"{order}I", block, at + 8)[0] > LARGEST)


def _guesses(block: bytes, size: int, order: str, header: int, stretch: int) -> list[int]:
    """Where a record seems to begin, for each stretch but the first: its time is like the first one's."""
    upper = slice(2, 4) if order == "<" else slice(0, 2)
    pattern = block[upper]
    found: list[int] = []
    for begin in range(stretch, size - stretch // 2, stretch):
        at = begin - 1
        for _ in range(_TRIES):
            at = block.find(pattern, at + 1, begin + stretch)
            if at < 0:
                break
            start = at - (upper.start or 0)
            if (not found or start > found[-1]) and _likely(block, size, order, header, start):
                found.append(start)
                break
    return found


def _likely(block: bytes, size: int, order: str, header: int, at: int) -> bool:
    fields = struct.Struct(f"{order}IIII")
    seconds = None
    for _ in range(_LIKELY):
        if at + header > size:
            return False
        then, fraction, captured, original = fields.unpack_from(block, at)
        if captured > original or captured > LARGEST or not captured or fraction >= 1_000_000_000:
            return False
        if seconds is not None and abs(then - seconds) > 3600:
            return False
        seconds = then
        at += header + captured
    return True
