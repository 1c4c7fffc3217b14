"""What an ordinary Linux server does that is worth a note, and is no breach."""

from __future__ import annotations

from typing import Final

from rawshake.judge import Ruling
from rawshake.report import Exchange
from rawshake.rules.model import Verdict
from rawshake.tcp.view import End

#: It begins with ten segments (RFC 6928), which shows where our ACKs come late.
NOTED: Final = frozenset({"initial-window-bounded"})


def unexpected(exchange: Exchange) -> list[Ruling]:
    """What was found, but for those notes on the server."""
    return [one for one in exchange.findings if not _expected(one)]


def _expected(ruling: Ruling) -> bool:
    return ruling.verdict is Verdict.NOTE and ruling.end is End.SERVER and ruling.rule in NOTED
