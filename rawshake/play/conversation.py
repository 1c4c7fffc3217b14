"""Plays one script: no clock, no socket, no sleep; segments and times come in, segments to send go out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from enum import Enum
from types import GeneratorType
from typing import Any

from rawshake.judge import Judge
from rawshake.link import Outgoing
from rawshake.play.actions import (
    Action,
    Mismatch,
    Mistake,
    Send,
    SendIcmp,
    Unexpected,
)
from rawshake.play.awaiting import Awaiting
from rawshake.play.outcome import outcome_of
from rawshake.play.peer import Peer, Stage
from rawshake.report import Exchange, Judged, Remark, ScriptResult
from rawshake.rules.model import Rule
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import Step

#: What a script yields, and in the end returns.
Script = Generator[Action[Any], Any, Any]
ScriptFunction = Callable[[Peer], Script]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a script plays: addresses, the port of the other end, and where ports and ISNs of ours come from.

    ``port`` 0 is whichever port the other end sends from first.
    """

    here: str
    there: str
    port: int
    sports: Iterator[int]
    isns: Iterator[int]


class Ending(Enum):
    """How a script ended."""

    PLAYED = "played to its end"
    MISMATCH = "something else came"
    MISTAKE = "the script is wrong"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended, and with what: the script's own return value, the mismatch, the mistake.

    ``cause`` is the exception behind a mistake, for whoever wants its traceback.
    """

    ending: Ending
    value: object = None
    mismatch: Mismatch | None = None
    mistake: Mistake | None = None
    cause: BaseException | None = None

    def stored(self, name: str) -> ScriptResult:
        """What a report keeps of it."""
        value = "" if self.value is None else str(self.value)
        missed = None if self.mismatch is None else self.mismatch.stored()
        return ScriptResult(name, self.ending.value, self.mistake.problem if self.mistake else value, missed)


class Conversation:
    """One script under way at a ``place``; ``around`` is entered whenever the script itself runs.

    Whoever drives it calls ``took`` for all that has been captured, then ``poll`` until that gives nothing more to
    send, then waits until ``deadline`` or until something is captured; and again, until ``done``. Any number of
    conversations can be driven by one loop, over one capture and one sender. Times are ns since the epoch.
    """

    def __init__(
        self,
        script: ScriptFunction,
        place: Place,
        rules: Sequence[Rule] = (),
        *,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.peers: list[Peer] = []
        self.result: Result | None = None
        self._place = place
        self._rules = rules
        self._around = around
        self._ports: dict[int, Peer] = {}
        self._stage = Stage(self._open)
        self._script = script
        self._acts: GeneratorType[Action[Any], Any, Any] | None = None
        self._awaiting: Awaiting | None = None
        self._farewells: deque[Peer] = deque()
        self._line = 0
        self._first = self._open(None)

    # What a driver does.

    @property
    def done(self) -> bool:
        """Whether nothing more is to be sent or awaited."""
        return self.result is not None and not self._farewells

    def took(self, what: Segment | IcmpError, time: int) -> bool:
        """Take what was captured, from the other end, at ``time``; whether it was for this conversation."""
        if isinstance(what, IcmpError):
            peer = self._ports.get(what.quoted_sport)
            quoted = (what.quoted_src, (what.quoted_dst, what.quoted_dport))
            if peer is None or quoted != (peer.here[0], peer.there):
                return False
            peer.told(what, time)
            return True
        peer = self._ports.get(what.dport)
        if peer is None or what.dst != peer.here[0] or what.src != peer.there[0]:
            return False
        if peer.there[1] not in (0, what.sport):
            return False
        peer.arrived(what, time)
        return True

    def left(self, segment: Segment, time: int) -> bool:
        """Take the captured copy of a segment from our address and port; whether this conversation had sent it."""
        peer = self._ports.get(segment.sport)
        return peer is not None and peer.left(segment, time)

    def poll(self, now: int) -> Outgoing | None:
        """Go on as far as can be, and give what is to leave now; None once there is nothing to do but to wait.

        All that was captured before ``now`` must have been taken.
        """
        if self._acts is None and self.result is None:
            self._begin(now)
        while self.result is None and self._awaiting is not None:
            action = self._awaiting.action
            try:
                if isinstance(action, Send):
                    segment, outgoing = action.peer.sending(action, now)
                    self._resume(now, segment)
                    return outgoing
                if isinstance(action, SendIcmp):
                    outgoing = action.peer.sending_icmp(action, now)
                    self._resume(now, None)
                    return outgoing
                settled = self._awaiting.settle(now)
            except Mistake as mistake:
                self._mistaken(mistake)
                break
            except Unexpected as unexpected:
                self._throw(unexpected, now)
                continue
            if settled is None:
                return None
            self._resume(now, settled.value)
        while self._farewells:
            outgoing_last = self._farewells.popleft().farewell(now)
            if outgoing_last is not None:
                return outgoing_last
        return None

    def deadline(self) -> int | None:
        """When to poll again though nothing comes."""
        if self._awaiting is None:
            return None if self.done else 0
        return self._awaiting.until

    def stop(self, now: int) -> None:
        """End the script where it stands; what ``poll`` then gives are the resets that leave the other end clean."""
        if self.result is None:
            self._drop()
            self._end(Result(Ending.STOPPED))

    def exchanges(self, *, at_once: bool = False) -> tuple[Exchange, ...]:
        """The transcripts of all connections so far, judged by ``rules``.

        ``at_once``: nobody has waited for the copies of the last segments of ours, which are not missing yet.
        """
        return tuple(self._judged(peer, at_once=at_once) for peer in self.peers if peer.entries)

    # The script.

    def _open(self, port: int | None) -> Peer:
        place = self._place
        here = (place.here, next(place.sports))
        there = (place.there, place.port if port is None else port)
        peer = Peer(here, there, Seq(next(place.isns)), self._stage)
        self.peers.append(peer)
        self._ports[here[1]] = peer
        return peer

    def _begin(self, now: int) -> None:
        try:
            with self._around():
                acts = self._script(self._first)
            if not isinstance(acts, GeneratorType):
                raise Mistake("script(peer) yields nothing; write yield before what it makes of peer.")
            self._acts = acts
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a script does is told, not raised
            self._faulty(error)
        else:
            self._resume(now, None)

    def _resume(self, now: int, value: object) -> None:
        acts = self._acts
        assert acts is not None
        self._step(now, lambda: acts.send(value))

    def _throw(self, unexpected: Unexpected, now: int) -> None:
        acts, awaiting = self._acts, self._awaiting
        assert acts is not None
        assert awaiting is not None
        awaiting.action.peer.entries.append(Remark(now, unexpected.mismatch.sentence))
        self._step(now, lambda: acts.throw(unexpected))

    def _step(self, now: int, advance: Callable[[], Action[Any]]) -> None:
        made = self._stage.made
        self._awaiting = None
        try:
            with self._around():
                action = advance()
            self._line = self._where()
            if len(made) != 1 or made[0] is not action:
                raise Mistake(_unyielded(action, made), self._line)
            made.clear()
            self._awaiting = Awaiting(action, now, self._line)
        except StopIteration as end:
            if made:
                self._mistaken(Mistake(f"What {_name(made[0])} makes was not yielded.", self._line))
            else:
                self._end(Result(Ending.PLAYED, value=end.value))
        except Unexpected as unexpected:
            self._end(Result(Ending.MISMATCH, mismatch=unexpected.mismatch))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a script does is told, not raised
            self._faulty(error)

    def _where(self) -> int:
        frame = self._acts.gi_frame if self._acts is not None else None
        return frame.f_lineno if frame is not None else self._line

    def _faulty(self, error: Exception | SystemExit) -> None:
        line = self._line_of(error)
        if isinstance(error, Mistake):
            mistake = Mistake(error.problem, error.line or line)
        else:
            mistake = Mistake(f"{type(error).__name__}: {error}", line)
        self._mistaken(mistake, error)

    def _line_of(self, error: Exception | SystemExit) -> int:
        """Where in the script's own file it was raised."""
        code = getattr(self._script, "__code__", None)
        trace, line = error.__traceback__, self._line
        while trace is not None:
            if code is not None and trace.tb_frame.f_code.co_filename == code.co_filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def _mistaken(self, mistake: Mistake, cause: BaseException | None = None) -> None:
        self._drop()
        told = mistake if mistake.line else Mistake(mistake.problem, self._line)
        self._end(Result(Ending.MISTAKE, mistake=told, cause=cause))

    def _drop(self) -> None:
        if self._acts is not None:
            with suppress(Exception):  # it may do anything in a ``finally``
                self._acts.close()

    def _end(self, result: Result) -> None:
        self.result, self._awaiting = result, None
        self._farewells.extend(peer for peer in self.peers if peer.tracker is not None)

    def _judged(self, peer: Peer, *, at_once: bool) -> Exchange:
        judge = Judge(self._rules, ours=peer.end)
        last = len(peer.entries) - 1
        missing = {at for at in peer.uncaptured if not (at_once and at == last)}
        passed = [
            replace(entry, note="not seen to leave this machine")
            if isinstance(entry, Step) and at in missing
            else entry
            for at, entry in enumerate(peer.entries)
        ]
        entries: list[Judged | Remark] = [
            Judged(entry, judge.step(entry)) if isinstance(entry, Step) else entry for entry in passed
        ]
        steps = [entry for entry in passed if isinstance(entry, Step)]
        ends = (peer.here, peer.there) if peer.tracker is None else (peer.tracker.client, peer.tracker.server)
        return Exchange(
            client=ends[0],
            server=ends[1],
            entries=tuple(entries),
            closing=judge.exchange(steps) if steps else (),
            outcome=outcome_of(peer),
        )


def _unyielded(action: object, made: list[Action[Any]]) -> str:
    if not isinstance(action, Action):
        return f"{action!r} was yielded; yield what peer.send, peer.expect and the like make."
    forgotten = next((one for one in made if one is not action), None)
    if forgotten is None:
        return f"What {_name(action)} makes was yielded twice."
    return f"What {_name(forgotten)} makes was not yielded."


def _name(action: Action[Any]) -> str:
    names = {"ExpectIcmp": "expect_icmp", "SendIcmp": "send_icmp"}
    kind = type(action).__name__
    return f"peer.{names.get(kind, kind.lower())}(...)"
