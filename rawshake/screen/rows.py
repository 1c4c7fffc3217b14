"""Tables of columns: arrays of one length each, one element for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
#: Rows have numbers of so many bits, which stand beside a hash, or an address, in one key.
ROW_BITS: Final = 22
ROW_MASK: Final = np.uint64((1 << ROW_BITS) - 1)
Table = TypeVar("Table", bound="Rows")


class Rows:
    """What all tables have; each is a dataclass with slots, whose fields are its columns."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(getattr(self, names(type(self))[0]))

    def take(self, rows: Column | slice) -> Self:
        """These rows only."""
        return type(self)(*(getattr(self, name)[rows] for name in names(type(self))))


_NAMES: Final[dict[type[Rows], tuple[str, ...]]] = {}


def names(kind: type[Rows]) -> tuple[str, ...]:
    """The columns of a kind of table, in their order."""
    found = _NAMES.get(kind)
    if found is None:
        found = _NAMES[kind] = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # a dataclass
    return found


def empty(kind: type[Table], types: Sequence[str]) -> Table:
    """A table without rows, whose columns are of these types."""
    return kind(*(np.zeros(0, one) for one in types))


def either(mask: Column, this: Column, that: Column) -> Column:
    """``np.where`` of whole numbers, which takes five times as long where the mask has no order."""
    found: Column = that + (this - that) * mask
    return found


def distinct(values: Column) -> Column:
    """Each value once; they are in order. (``np.unique`` loads a part of numpy that nobody needs.)"""
    found: Column = values[np.append(np.ones(min(1, len(values)), bool), values[1:] != values[:-1])]
    return found


def by_number(numbers: Column) -> Column:
    """The order that sorts numbers of 32 bits, the same ones in theirs; far faster than ``argsort``."""
    keys = np.sort(numbers << np.uint64(ROW_BITS) | np.arange(len(numbers), dtype=np.uint64))
    found: Column = (keys & ROW_MASK).astype(np.int64)
    return found


def joined(pieces: Sequence[Table]) -> Table:
    """The rows of all, one after the other."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    columns = ([getattr(piece, name) for piece in pieces] for name in names(type(first)))
    return type(first)(*map(np.concatenate, columns))
