"""The page of ``check``: an overview, what was found, and a table of connections that each open their ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from rawshake.connection import Connection, Ended, Found, Opened
from rawshake.html import ladder, rulebook
from rawshake.html.charts import bars, spread
from rawshake.html.packer import Document, Packer
from rawshake.html.shell import document
from rawshake.judge import Judge
from rawshake.many.times import Times
from rawshake.render import check_json
from rawshake.render.compact import Compact
from rawshake.render.findings import cite_text
from rawshake.render.grouped import not_judged, verdict_text
from rawshake.render.options import Options
from rawshake.render.summary import SEVERITY, Summary, merged
from rawshake.render.text import duration, plural
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Rule, Scope, Verdict
from rawshake.rules.registry import RULES

#: How a connection began or ended, where the report's word needs help.
_WORDS: Final = {"simultaneous": "opened by both", "open": "still open"}
_FOUND: Final = {Verdict.FAIL: "Breaches", Verdict.WARN: "Warnings", Verdict.NOTE: "Notes"}
#: How many occurrences of a finding are told; the table has the others.
_TOLD: Final = 5
#: So many round trips are counted at a time.
_COUNTED: Final = 1024

_Drawn = dict[str, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much a page holds: connections in its table, segments that are shown at all, and those in ladders.

    What has findings has as much room once more for itself. What is in no ladder is shown as lines, which take a
    tenth of its time and room. Of connections of more than ``longest`` segments none is shown.
    """

    connections: int = 50_000
    segments: int = 400_000
    ladders: int = 10_000
    longest: int = 2_000


@dataclass(slots=True)
class _Left:
    """What is left of the room."""

    connections: int
    segments: int
    ladders: int

    def take(self, name: str, count: int) -> bool:
        """Take so much of one kind, if there is so much."""
        left: int = getattr(self, name) - count
        if left >= 0:
            setattr(self, name, left)
        return left >= 0


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One finding where it stands: ``anchor`` is that of its connection, ``file`` empty where there is but one."""

    anchor: str
    file: str
    connection: Connection
    found: Found


@dataclass(frozen=True, slots=True)
class Group:
    """All findings of one rule, and the first of them."""

    rule: str
    #: whether it has a page
    known: bool
    verdict: Verdict
    cite: str
    count: int
    connections: int
    first: tuple[Occurrence, ...]


@dataclass(slots=True)
class CheckPage:
    """Takes captures one after the other, each connection as it ends, and holds them compressed.

    Of each capture ``begin``, its connections and ``end`` are told; ``document`` is the page. The report that it
    holds is what ``--json`` writes, but for the connections for which there is no room.
    """

    rules: Sequence[Rule]
    options: Options
    room: Room = field(default_factory=Room)
    #: what passes is no file, which somebody could read once more
    live: bool = False
    summaries: list[Summary] = field(default_factory=list)
    unlisted: int = 0
    undrawn: int = 0
    _files: list[str] = field(default_factory=list)
    _report: Document = field(default_factory=lambda: Document("report"))
    _writer: check_json.Writer = field(default_factory=check_json.Writer)
    _ladders: Packer = field(default_factory=lambda: Packer("ladders"))
    _lines: Packer = field(default_factory=lambda: Packer("lines"))
    #: of each file, the numbers of the connections that were drawn either way, in that order
    _drawn: list[_Drawn] = field(default_factory=list)
    #: the numbers of those for which room was taken and that are not drawn yet
    _kept: set[int] = field(default_factory=set)
    _rtt: Times = field(default_factory=Times)
    _times: list[int] = field(default_factory=list)
    _left: dict[bool, _Left] = field(default_factory=dict)

    def __post_init__(self) -> None:
        room = self.room
        self._left = {found: _Left(room.connections, room.segments, room.ladders) for found in (False, True)}
        self._report.write(self._writer.head(rule.id for rule in self.rules))

    def begin(self, file: str) -> None:
        """A capture begins."""
        self._end_last()
        self._kept.clear()
        self._files.append(file)
        self._drawn.append({"ladders": [], "lines": []})
        self._report.write(self._writer.begin(file))

    def keeps(self, connection: Connection) -> bool:
        """Whether there is room for its segments, which is then taken, once."""
        number, segments = connection.number, connection.facts.segments
        if number in self._kept:
            return True
        if segments <= self.room.longest and self._takes(connection, "segments", segments):
            self._kept.add(number)
        return number in self._kept

    def draw(self, connection: Connection) -> None:
        """Show the transcript of a connection that this page ``keeps``, if it has one."""
        exchange, number = connection.exchange, connection.number
        if exchange is None:
            return
        self._kept.discard(number)
        if self._takes(connection, "ladders", connection.facts.segments):
            exchange = _judged(exchange, self.rules)
            title = f"Connection {number}"
            self._ladders.add(ladder.draw(exchange, self.options, title=title, foot=False))
            self._drawn[-1]["ladders"].append(number)
        else:
            self._lines.add(_lines(exchange, self.options))
            self._drawn[-1]["lines"].append(number)

    def connection(self, connection: Connection) -> None:
        """A connection for the table."""
        if connection.exchange is not None and self.keeps(connection):
            self.draw(connection)
        if connection.facts.rtt is not None:
            self._times.append(connection.facts.rtt)
            if len(self._times) == _COUNTED:
                self._count_times()
        if self._takes(connection, "connections", 1):
            self._report.write(self._writer.connection(connection))
        else:
            self.unlisted += 1

    def end(self, summary: Summary) -> None:
        """The capture has ended."""
        self._report.write(self._writer.end(summary))
        self.summaries.append(summary)
        self.undrawn += summary.connections - sum(map(len, self._drawn[-1].values()))

    @property
    def left_out(self) -> str:
        """What the page leaves out, in a sentence; empty where it holds all that there was."""
        shown = self._ladders.count + self._lines.count
        some = [
            f"{what} of {plural(count, 'connection')}"
            for count, what in ((self.undrawn if shown else 0, "the segments"), (self.unlisted, "the lines"))
            if count
        ]
        return f"Too much for one page: it is without {' and '.join(some)}." if some else ""

    def document(self) -> str:
        """The whole page; nothing is told after it."""
        self._end_last()
        self._report.write(self._writer.foot())
        self._count_times()
        whole = merged(self.summaries)
        files = self._files
        names = _short(files)
        title = files[0] if len(files) == 1 else plural(len(files), "capture")
        groups = tuple(self._groups(whole))
        return document(
            "check.html",
            title=title,
            css=[*ladder.CSS, "check.css"],
            js=[*ladder.JS, "connections.js", "briefly.js", "check.js"],
            data={"drawn": self._drawn, "names": names, "live": self.live},
            packed=[self._report.packed(), self._ladders.packed(), self._lines.packed()],
            files=files,
            summaries=self.summaries,
            whole=whole,
            verdict=verdict_text(whole)[0],
            worst=next((verdict for verdict in SEVERITY if whole.count(verdict)), Verdict.PASS),
            counts=[(_FOUND[verdict], whole.count(verdict)) for verdict in SEVERITY],
            verdicts=[verdict_text(one)[0] for one in self.summaries],
            span=_span(whole),
            opened=bars((kind.value, _words(kind), whole.opened[kind]) for kind in Opened),
            ended=bars((kind.value, _words(kind), whole.ended[kind]) for kind in Ended),
            rtt=spread(self._rtt, "Round trips of the handshakes"),
            opened_choices=[(kind.value, _words(kind)) for kind in Opened if whole.opened[kind]],
            ended_choices=[(kind.value, _words(kind)) for kind in Ended if whole.ended[kind]],
            file_choices=list(enumerate(names)),
            groups=groups,
            unjudged=[(file, list(not_judged(one))) for file, one in zip(files, self.summaries, strict=True)],
            sections=rulebook.sections(group.rule for group in groups),
            rules=rulebook.names(rule.id for rule in self.rules),
            left_out=self.left_out,
            live=self.live,
        )

    def _takes(self, connection: Connection, name: str, count: int) -> bool:
        """Whether there is room of that kind; what has findings looks in its own first."""
        rooms = (True, False) if connection.findings else (False,)
        return any(self._left[found].take(name, count) for found in rooms)

    def _end_last(self) -> None:
        """What could not be read on has no end of its own."""
        if len(self._files) > len(self.summaries):
            self.end(Summary(self._files[-1]))

    def _count_times(self) -> None:
        self._rtt.add(self._times)
        self._times.clear()

    def _groups(self, whole: Summary) -> Iterator[Group]:
        for verdict in SEVERITY:
            for name, of_rule in sorted(whole.rules.items()):
                if of_rule.worst is verdict:
                    first = tuple(self._occurrences(name))
                    cite = cite_text(first[0].found.ruling.cite)
                    count = sum(of_rule.found.values())
                    yield Group(name, name in RULES, verdict, cite, count, of_rule.connections, first[:_TOLD])

    def _occurrences(self, rule: str) -> Iterator[Occurrence]:
        several = len(self._files) > 1
        for at, summary in enumerate(self.summaries, 1):
            of_rule = summary.rules.get(rule)
            for connection, found in of_rule.first if of_rule else ():
                anchor = (
                    f"connection-{at}-{connection.number}" if several else f"connection-{connection.number}"
                )
                yield Occurrence(anchor, self._files[at - 1] if several else "", connection, found)


def _judged(exchange: Exchange, rules: Sequence[Rule]) -> Exchange:
    """With all that the rules say, if it was kept without."""
    if exchange.entries and any(isinstance(entry, Judged) and entry.rulings for entry in exchange.entries):
        return exchange
    judge = Judge(rules)
    entries = [
        replace(entry, rulings=judge.step(entry.step)) if isinstance(entry, Judged) else entry
        for entry in exchange.entries
    ]
    of_captures = {rule.id for rule in rules if rule.scope is Scope.CAPTURE}
    closing = judge.exchange(exchange.steps) + tuple(r for r in exchange.closing if r.rule in of_captures)
    return replace(exchange, entries=tuple(entries), closing=closing)


def _lines(exchange: Exchange, options: Options) -> str:
    """Each segment in a line as ``--compact`` has it, after the number of its frame; remarks begin with ``#``."""
    writer = Compact(options)
    lines = []
    for entry in exchange.entries:
        frame = "" if isinstance(entry, Remark) else f"{entry.frame or entry.step.number} "
        lines.append(frame + writer.entry(entry))
    return "".join(lines)


def _short(files: Sequence[str]) -> list[str]:
    """The names without the folders that they share."""
    folders = [file.split("/")[:-1] for file in files]
    shared = next((at for at, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1), None)
    length = min(map(len, folders), default=0) if shared is None else shared
    return ["/".join(file.split("/")[length:]) for file in files]


def _words(kind: Opened | Ended) -> str:
    word: str = kind.value
    return _WORDS.get(word, word)


def _span(whole: Summary) -> str:
    """How long it took from the first segment to the last; empty where nothing was seen."""
    if whole.first_time is None or whole.last_time is None:
        return ""
    return duration(whole.last_time - whole.first_time)
