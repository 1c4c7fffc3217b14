"""Sequence numbers with their names: counted from the initial ones, a of the client and b of the server."""

from __future__ import annotations

from rawshake.plain.language import Language, phrase
from rawshake.tcp.segment import Flags, Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import LETTERS, View
from rawshake.tcp.words import relative

#: Translators: {name} is a, or a+1; {number} the sequence number that it stands for.
_NAMED = phrase("{name} = {number}")


def named(number: Seq, owner: View, language: Language) -> str:
    """``a+1 = 1165886956``: a number that ``owner`` counts its octets by; without a name where its ISN is unknown."""
    if owner.iss is None:
        return str(number)
    name = relative(number, owner.iss, LETTERS[owner.end])
    return language.say(_NAMED, name=name, number=str(number))


def octets(count: int, language: Language) -> str:
    """``1 octet``, ``2 octets``."""
    if count == 1:
        return language.say(phrase("1 octet"))
    return language.say(phrase("{count} octets"), count=str(count))


#: In the order in which people say them.
_NAMES = ("SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def flags(segment: Segment) -> str:
    """``SYN,ACK``; ``-`` for none."""
    return ",".join(name for name in _NAMES if segment.flags & Flags[name]) or "-"
