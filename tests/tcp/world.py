"""Two honest ends, a path that loses, reorders and repeats, and a tracker somewhere on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from rawshake.tcp.notation import one_line
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.tcp.honest import Honest

HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.2", 80)


class Tap(Enum):
    """Where the tracker sees the segments: at an end it knows what arrived there."""

    CLIENT = "at the client"
    SERVER = "at the server"
    BETWEEN = "between"


@dataclass(frozen=True)
class Path:
    """What may happen to segments, before and after they pass the tap."""

    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()


@dataclass
class World:
    """``play`` makes one thing happen; the tracker is told as it would be there."""

    tap: Tap
    path: Path
    isns: tuple[int, int] = (0xFFFFFFFF, 0x7FFFFFFE)
    delays: bool = False
    #: whether stacks take the SYN,ACK of a simultaneous open (RFC 9293 appendix A.2)
    appendix: bool = True
    #: segments under way to the tap and from it, by who sent them
    before: dict[End, list[Segment]] = field(default_factory=lambda: {End.CLIENT: [], End.SERVER: []})
    after: dict[End, list[Segment]] = field(default_factory=lambda: {End.CLIENT: [], End.SERVER: []})
    tracker: Tracker | None = None
    #: what happened, for whoever has to understand a failure
    log: list[str] = field(default_factory=list)
    time: int = 0

    def __post_init__(self) -> None:
        self.ends = {
            End.CLIENT: Honest(HERE, THERE, Seq(self.isns[0]), delays=self.delays),
            End.SERVER: Honest(THERE, HERE, Seq(self.isns[1]), delays=self.delays),
        }
        for end, honest in self.ends.items():
            # The end that we are goes by the tracker, and so by the appendix.
            honest.takes_crossing_syn_ack = self.appendix or self.at(end)

    def do(self, end: End, name: str, sent: Iterable[Segment]) -> None:
        """Let an end do something, and put what it sends on its way."""
        self.log.append(f"{end}: {name}")
        for segment in sent:
            if self.at(end):
                self._seen(segment, end)
                self.after[end].append(segment)
            elif self.at(end.other) or self.path.before:
                self.before[end].append(segment)
            else:
                self._seen(segment, end)
                self.after[end].append(segment)

    def at(self, end: End) -> bool:
        return self.tap.value == f"at the {end}"

    def _seen(self, segment: Segment, sender: End, fate: Fate = Fate.PASSED) -> None:
        self.time += 1_000_000
        if self.tracker is None:
            here, there = (self.ends[one].here for one in (sender, sender.other))
            self.tracker = Tracker(here, there)
        step = self.tracker.apply(segment, self.time, fate=fate, ours=self.at(sender))
        self.log.append(
            f"  {'>' if sender is End.CLIENT else '<'} {one_line(segment, content=False)} {fate.value}"
            f"  # {step.after.client.state} / {step.after.server.state}, {step.standing.value}"
        )

    def choices(self) -> list[Callable[[], None]]:
        """All that can happen to what is under way."""
        found: list[Callable[[], None]] = []
        for end in End:
            for queue, disturbed, passes in (
                (self.before[end], self.path.before, self._pass),
                (self.after[end], self.path.after, self._arrive),
            ):
                for at in range(len(queue) if "reorder" in disturbed else min(1, len(queue))):
                    found.append(partial(passes, end, at, keep=False))
                    if "repeat" in disturbed:
                        found.append(partial(passes, end, at, keep=True))
                    if "lose" in disturbed:
                        found.append(partial(self._lose, queue, at, end))
        return found

    def _lose(self, queue: list[Segment], at: int, sender: End) -> None:
        lost = queue.pop(at)
        self.log.append(f"  lost of {sender}: {one_line(lost, content=False)}")

    def _pass(self, sender: End, at: int, *, keep: bool) -> None:
        segment = self.before[sender][at] if keep else self.before[sender].pop(at)
        if self.at(sender.other):
            self._seen(segment, sender, Fate.DELIVERED)
            self.do(sender.other, "takes it", self.ends[sender.other].take(segment))
        else:
            self._seen(segment, sender)
            self.after[sender].append(segment)

    def _arrive(self, sender: End, at: int, *, keep: bool) -> None:
        segment = self.after[sender][at] if keep else self.after[sender].pop(at)
        receiver = sender.other
        self.do(receiver, f"takes {one_line(segment, content=False)}", self.ends[receiver].take(segment))

    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not any(self.before[end] or self.after[end] for end in End)
