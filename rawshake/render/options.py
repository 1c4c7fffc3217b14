"""How a report is to be drawn: the width, the signs and the detail that the caller asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rawshake.plain.language import Language
from rawshake.tcp.view import End

#: Fewer columns than this are drawn as if they were so many, more than ``WIDEST`` are left empty: the two
#: ends would stand too far apart to be read together.
NARROWEST: Final = 60
WIDEST: Final = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a renderer is told about its reader.

    ``width`` is in columns. ``colour`` allows escape sequences, ``ascii`` forbids all but ASCII. With
    ``verbose`` 0 only broken rules are shown and the others counted, with 1 every rule that was exercised.
    ``ours`` is the end that rawshake plays, None if it only looks on. The names are what the user called
    the ends, if anything. With ``words`` each segment is explained in that language.
    """

    width: int = 80
    colour: bool = False
    ascii: bool = False
    verbose: int = 0
    ours: End | None = None
    client_name: str = ""
    server_name: str = ""
    words: Language | None = None

    @property
    def columns(self) -> int:
        """The width to draw in."""
        return max(NARROWEST, min(self.width, WIDEST))

    def name(self, end: End) -> str:
        """What the user called that end; may be empty."""
        return self.client_name if end is End.CLIENT else self.server_name
