"""TCP options: every one kept as it was written, with what it means or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rawshake.tcp.seq import Seq


class Kind(IntEnum):
    """Option kinds of the IANA registry that rawshake knows by name."""

    EOL = 0
    NOP = 1
    MSS = 2
    WSCALE = 3
    SACK_PERMITTED = 4
    SACK = 5
    TIMESTAMPS = 8
    MPTCP = 30
    FAST_OPEN = 34
    ACCECN0 = 172
    ACCECN1 = 174


#: The length octet that an option of fixed size must have (RFC 9293 3.1, 7323 2.2 and 3.2, 2018 2).
FIXED_LENGTH: Final = {Kind.MSS: 4, Kind.WSCALE: 3, Kind.SACK_PERMITTED: 2, Kind.TIMESTAMPS: 10}

_AGREED: Final = frozenset({Kind.WSCALE, Kind.SACK_PERMITTED, Kind.TIMESTAMPS})


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``data`` are the octets after kind and length; ``length`` is the length octet as written.

    ``length`` is None for EOL and NOP, which have none, and where the header ended before it.
    ``defect`` says what is malformed; a defective option has no meaning and is never repaired.
    """

    kind: int
    data: bytes = b""
    length: int | None = None
    defect: str | None = None

    @property
    def wire(self) -> bytes:
        """The octets of this option as they stand, or stood, in a header."""
        if self.kind in (Kind.EOL, Kind.NOP):
            return bytes([self.kind]) + self.data
        if self.length is None:
            return bytes([self.kind])
        return bytes([self.kind, self.length]) + self.data

    @property
    def size(self) -> int:
        """How many octets those are."""
        return (1 if self.length is None else 2) + len(self.data)

    @property
    def known(self) -> bool:
        """Whether it is well formed and so may be given its meaning."""
        return self.defect is None


def make(kind: int, data: bytes = b"") -> Option:
    """A well-formed option of ``kind`` with the octets ``data`` (0 to 38) as its value."""
    if kind in (Kind.EOL, Kind.NOP):
        return Option(kind)
    return Option(kind, data, len(data) + 2)


NOP: Final = Option(Kind.NOP)
EOL: Final = Option(Kind.EOL)
SACK_PERMITTED: Final = make(Kind.SACK_PERMITTED)


def mss(octets: int) -> Option:
    """Maximum segment size, 0 to 65535 octets (RFC 9293 section 3.7.1)."""
    return make(Kind.MSS, octets.to_bytes(2, "big"))


def wscale(shift: int) -> Option:
    """Window scale, a shift count of 0 to 255; more than 14 is used as 14 (RFC 7323 section 2)."""
    return make(Kind.WSCALE, bytes([shift]))


def timestamps(value: int, echo: int) -> Option:
    """Timestamps: TSval and TSecr, 32 bits each (RFC 7323 section 3)."""
    return make(Kind.TIMESTAMPS, value.to_bytes(4, "big") + echo.to_bytes(4, "big"))


def timestamp_clock(now: int) -> int:
    """TSval at ``now`` (ns): milliseconds, mod 2**32 (RFC 7323 section 5.4)."""
    return (now // 1_000_000) & 0xFFFFFFFF


def sack(*blocks: tuple[Seq, Seq]) -> Option:
    """Selective acknowledgment: blocks of left edge and the number past the right edge (RFC 2018)."""
    return make(Kind.SACK, b"".join(int(n).to_bytes(4, "big") for block in blocks for n in block))


def answering(options: tuple[Option, ...], offered: frozenset[int]) -> tuple[Option, ...]:
    """Those of ``options`` that may answer a SYN with options of the kinds ``offered``; NOPs still align them.

    Window scale, SACK-permitted and timestamps are agreed on only if both ends have sent them (RFC 7323 sections
    2.2 and 3.2, RFC 2018 section 2).
    """
    found: list[Option] = []
    padding = 0
    for option in options:
        if option.kind == Kind.NOP:
            padding += 1
        elif option.kind in _AGREED and option.kind not in offered:
            # The two octets of SACK-permitted align the timestamps behind them.
            padding = padding + 2 if option.kind == Kind.SACK_PERMITTED else 0
        else:
            found += [*[NOP] * (padding % 4), option]
            padding = 0
    return tuple(found)


def parse(octets: bytes) -> tuple[Option, ...]:
    """Read the options field of a header, 0 to 40 octets; whatever they are, nothing is raised.

    A length that cannot be walked past (0, 1, or beyond the header) ends the list with a defective
    option that holds all the octets left. What follows an EOL is kept as that EOL's data.
    """
    found = []
    at = 0
    end = len(octets)
    while at < end:
        kind = octets[at]
        if kind == Kind.NOP:
            found.append(NOP)
            at += 1
            continue
        if kind == Kind.EOL:
            padding = octets[at + 1 :]
            defect = "octets after the end of options are not zero" if any(padding) else None
            found.append(Option(Kind.EOL, padding, None, defect))
            break
        if at + 1 == end:
            found.append(Option(kind, b"", None, "the header ends before its length"))
            break
        length = octets[at + 1]
        if length < 2:
            found.append(Option(kind, octets[at + 2 :], length, f"length {length} is less than 2"))
            break
        if at + length > end:
            found.append(Option(kind, octets[at + 2 :], length, f"length {length} runs past the header"))
            break
        found.append(Option(kind, octets[at + 2 : at + length], length, _misfit(kind, length)))
        at += length
    return tuple(found)


def _misfit(kind: int, length: int) -> str | None:
    expected = FIXED_LENGTH.get(Kind(kind)) if kind in FIXED_LENGTH else None
    if expected is not None and length != expected:
        return f"length {length} in place of {expected}"
    if kind == Kind.SACK and (length < 10 or (length - 2) % 8):
        return f"length {length} is not 2 + 8n"
    return None
