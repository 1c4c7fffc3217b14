"""A link on which what this machine would not send is told, and ends nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rawshake.errors import Exit, Failure
from rawshake.link import Outgoing, Seen, SharedLink
from rawshake.tcp.segment import Segment


@dataclass(slots=True)
class Tolerant:
    """The link, but what this machine would not send ends only the probe that wanted it."""

    link: SharedLink
    refused: Callable[[int, Failure], None]

    def now(self) -> int:
        return self.link.now()

    def send(self, outgoing: Outgoing) -> None:
        try:
            self.link.send(outgoing)
        except Failure as failure:
            what = outgoing.what
            if failure.status not in (Exit.LOCAL_FIREWALL, Exit.USAGE) or not isinstance(what, Segment):
                raise
            self.refused(what.sport, failure)

    def receive(self, deadline: int | None) -> Seen | None:
        return self.link.receive(deadline)
