"""Sequence numbers: 32 bits, compared by the shorter way round (RFC 9293 section 3.4)."""

from __future__ import annotations

from typing import Final, overload

SPACE: Final = 1 << 32
HALF: Final = 1 << 31
_MASK: Final = SPACE - 1


class Seq:
    """One number of the sequence space, 0 to 2**32 - 1; treat it as immutable.

    ``Seq + octets`` and ``Seq - octets`` are again a ``Seq``; ``Seq - Seq`` is the signed distance in
    octets, -2**31 to 2**31 - 1. ``a < b`` holds iff ``0 < (b - a) mod 2**32 < 2**31``; numbers exactly
    half the space apart are unordered: neither is before the other, nor equal to it. To order or
    subtract a plain ``int`` and a ``Seq`` the wrong way round is a ``TypeError``.
    """

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value: Final = value & _MASK

    def __add__(self, octets: int) -> Seq:
        return Seq(self.value + octets)

    @overload
    def __sub__(self, other: Seq) -> int: ...
    @overload
    def __sub__(self, other: int) -> Seq: ...
    def __sub__(self, other: Seq | int) -> Seq | int:
        if isinstance(other, Seq):
            return ((self.value - other.value + HALF) & _MASK) - HALF
        return Seq(self.value - other)

    def __lt__(self, other: Seq) -> bool:
        if type(other) is not Seq:
            return NotImplemented
        return 0 < ((other.value - self.value) & _MASK) < HALF

    def __le__(self, other: Seq) -> bool:
        if type(other) is not Seq:
            return NotImplemented
        return ((other.value - self.value) & _MASK) < HALF

    def __gt__(self, other: Seq) -> bool:
        if type(other) is not Seq:
            return NotImplemented
        return 0 < ((self.value - other.value) & _MASK) < HALF

    def __ge__(self, other: Seq) -> bool:
        if type(other) is not Seq:
            return NotImplemented
        return ((self.value - other.value) & _MASK) < HALF

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seq) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Seq({self.value})"

    def __str__(self) -> str:
        return str(self.value)

    def within(self, start: Seq, length: int) -> bool:
        """Whether ``start =< self < start + length``, for a length of 0 to 2**31 octets."""
        return ((self.value - start.value) & _MASK) < length


def later(a: Seq | None, b: Seq) -> Seq:
    """The later of two numbers; ``b`` where nothing was known or they are unordered."""
    return a if a is not None and a > b else b
