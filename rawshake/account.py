"""What the rules say of one live connection, gathered entry by entry, in memory that does not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rawshake.connection import Connection, Found, Tally, written
from rawshake.judge import Ruling
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Verdict
from rawshake.rules.opening import Opening, Syns
from rawshake.tcp.segment import Segment
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End


@dataclass(slots=True)
class Account:
    """Of the connection that ``tracker`` follows; of its findings the first ``most`` are kept."""

    number: int
    tracker: Tracker
    most: int = 100
    remarks: list[str] = field(default_factory=list)
    _tally: Tally = field(default_factory=Tally)
    _syns: Syns = field(default_factory=Syns)
    _findings: list[Found] = field(default_factory=list)
    _only_syns: bool = True
    _passed: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _undecidable: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, entry: Judged | Remark) -> None:
        """Take the next entry of the transcript."""
        if isinstance(entry, Judged):
            self._tally.add(entry.step)
            step = entry.step
            self._only_syns = self._only_syns and (step.sender is End.SERVER or step.segment.syn)
            self._syns.add(entry.step)
            self.note(entry.rulings, entry.step.segment)

    def note(self, rulings: Iterable[Ruling], segment: Segment | None = None) -> None:
        """Take what rules said, of ``segment`` or of the whole."""
        for ruling in rulings:
            if ruling.verdict is Verdict.PASS:
                self._passed.add(ruling.rule)
            elif ruling.verdict is Verdict.INCONCLUSIVE:
                self._undecidable[ruling.rule, ruling.sentence] += 1
            elif ruling.verdict is Verdict.FAIL:
                self._failed.add(ruling.rule)
            if ruling.is_finding and len(self._findings) < self.most:
                self._findings.append(Found(0, ruling, written(segment, self.tracker)))

    @property
    def unheard(self) -> bool:
        """Whether the client has sent nothing but SYNs."""
        return self._only_syns

    def openings(self, now: int) -> tuple[Opening, ...]:
        """How each end opened, as far as it did by ``now``, ns."""
        return self._syns.openings(self.number, self.tracker.client, self.tracker.server, now)

    def connection(self, exchange: Exchange | None) -> Connection:
        """What it comes to, with its transcript where that was kept."""
        if len(self._findings) == self.most:
            self.remarks.append(f"only the first {self.most} findings are told")
        return Connection(
            number=self.number,
            client=self.tracker.client,
            server=self.tracker.server,
            facts=self._tally.facts(),
            first_frame=0,
            last_frame=0,
            findings=tuple(self._findings),
            held=frozenset(self._passed - self._failed),
            undecidable=self._undecidable,
            remarks=tuple(self.remarks),
            exchange=exchange,
        )
