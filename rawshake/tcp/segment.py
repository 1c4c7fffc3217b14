"""A segment as the wire had it: facts and defects, nothing repaired and nothing judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntFlag
from functools import lru_cache
from typing import Final

from rawshake.tcp.option import Kind, Option
from rawshake.tcp.seq import Seq


class Flags(IntFlag):
    """Octets 12 and 13 of the header without the data offset; ``str()`` is packetdrill's notation."""

    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100  # was NS; RFC 9768 gives it to AccECN
    R3 = 0x200
    R2 = 0x400
    R1 = 0x800

    def __str__(self) -> str:
        return _flags_text(self.value)


FLAG_LETTERS: Final = {
    "S": Flags.SYN, "F": Flags.FIN, "R": Flags.RST, "P": Flags.PSH, ".": Flags.ACK, "U": Flags.URG,
    "E": Flags.ECE, "W": Flags.CWR, "A": Flags.AE, "1": Flags.R1, "2": Flags.R2, "3": Flags.R3,
}  # fmt: skip


@lru_cache(maxsize=4096)
def _flags_text(value: int) -> str:
    return "".join(letter for letter, flag in FLAG_LETTERS.items() if value & flag.value) or "-"


class Checksum(Enum):
    """What can be said of a checksum; offload to the hardware makes it unverifiable, not wrong."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNVERIFIABLE = "unverifiable"


# ``_value_`` is what ``value`` returns, without its descriptor.
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One TCP segment and of its IP header what TCP's rules speak of.

    Addresses are in canonical text form. ``window`` is the field as written, unscaled. ``payload`` may be
    shorter than ``payload_length`` octets where a capture was cut. ``defects`` are sentences about what
    is malformed. A segment to be sent with ``checksum`` WRONG is sent so on purpose.
    """

    src: str
    dst: str
    sport: int
    dport: int
    seq: Seq
    ack: Seq = Seq(0)
    flags: Flags = Flags(0)
    window: int = 0
    urgent: int = 0
    options: tuple[Option, ...] = ()
    payload: bytes = b""
    payload_length: int = -1
    checksum: Checksum = Checksum.CORRECT
    ttl: int = 64
    ecn: int = 0
    defects: tuple[str, ...] = ()

    # What the above comes to is asked a hundred times of each segment, so it is not worked out anew each time.
    syn: bool = field(init=False, repr=False, compare=False)
    fin: bool = field(init=False, repr=False, compare=False)
    rst: bool = field(init=False, repr=False, compare=False)
    has_ack: bool = field(init=False, repr=False, compare=False)
    #: SEG.LEN: octets of sequence space, SYN and FIN counting one each (RFC 9293 section 3.4)
    length: int = field(init=False, repr=False, compare=False)
    #: SEG.SEQ + SEG.LEN, the number after the last that this segment occupies
    end: Seq = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put, flags = object.__setattr__, self.flags._value_
        if self.payload_length < 0:
            put(self, "payload_length", len(self.payload))
        syn, fin = flags & _SYN != 0, flags & _FIN != 0
        put(self, "syn", syn)
        put(self, "fin", fin)
        put(self, "rst", flags & _RST != 0)
        put(self, "has_ack", flags & _ACK != 0)
        length = self.payload_length + syn + fin
        put(self, "length", length)
        put(self, "end", self.seq + length if length else self.seq)

    @property
    def data_seq(self) -> Seq:
        """The number of the first payload octet: SYN stands before it."""
        return self.seq + 1 if self.syn else self.seq

    @property
    def fin_seq(self) -> Seq | None:
        """The number of the FIN, which stands after the last payload octet; None without FIN."""
        return self.data_seq + self.payload_length if self.fin else None

    def option(self, kind: int) -> Option | None:
        """The first well-formed option of that kind."""
        for option in self.options:
            if option.kind == kind and option.defect is None:
                return option
        return None

    @property
    def option_octets(self) -> int:
        """How many octets of the header its options take, without what pads them."""
        return sum([option.size for option in self.options])

    @property
    def mss(self) -> int | None:
        """Value of the MSS option in octets."""
        found = self.option(Kind.MSS)
        return None if found is None else int.from_bytes(found.data, "big")

    @property
    def wscale(self) -> int | None:
        """Shift count of the window scale option as written, 0 to 255."""
        found = self.option(Kind.WSCALE)
        return None if found is None else found.data[0]

    @property
    def timestamps(self) -> tuple[int, int] | None:
        """TSval and TSecr."""
        found = self.option(Kind.TIMESTAMPS)
        if found is None:
            return None
        return int.from_bytes(found.data[:4], "big"), int.from_bytes(found.data[4:], "big")

    @property
    def sack_permitted(self) -> bool:
        return self.option(Kind.SACK_PERMITTED) is not None

    @property
    def sack(self) -> tuple[tuple[Seq, Seq], ...]:
        """Blocks of the SACK option: left edge, and the number past the right edge."""
        found = self.option(Kind.SACK)
        if found is None:
            return ()
        words = [Seq(int.from_bytes(found.data[i : i + 4], "big")) for i in range(0, len(found.data), 4)]
        return tuple(zip(words[::2], words[1::2], strict=True))

    @property
    def v6(self) -> bool:
        """Whether it travelled over IPv6."""
        return ":" in self.src
