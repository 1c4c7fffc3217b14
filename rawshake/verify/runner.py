"""Runs many probes at once, bracketed by canaries: where the target no longer serves, fewer are run, and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from rawshake.errors import Exit, Failure
from rawshake.link import Outgoing, SharedLink
from rawshake.play.conversation import Conversation, Place
from rawshake.play.perform import Troupe
from rawshake.probes.model import Check, Holds, Probe, Server, Target
from rawshake.probes.result import Attempt, Result, decide, enough, unfinished
from rawshake.profile import SECOND
from rawshake.rules.model import Verdict
from rawshake.verify.attempt import Trial
from rawshake.verify.canary import canary, lost, sings
from rawshake.verify.dialling import calling
from rawshake.verify.leaving import resets
from rawshake.verify.progress import Progress
from rawshake.verify.suspects import named
from rawshake.verify.tolerant import Tolerant

#: How often a probe may have been alone between a canary that sang and one that did not, before it is blamed.
BLAMED: Final = 2
#: How many canaries in a row may fail before the target is given up; the pauses between grow from PAUSE to LONGEST.
LAST_CANARIES: Final = 6
PAUSE: Final = SECOND
LONGEST: Final = 8 * SECOND
#: So many at once try the last time what has failed by silence alone: no target is drowned by that.
FEW: Final = 4
#: So many times as often is tried again what has failed, on a road that loses segments.
OFTEN: Final = 3
#: So many at once are half open: many servers have a backlog of five, Python's socketserver for one. Beyond it Linux
#: answers by SYN cookies (RFC 4987 3.6), remembers nothing, and is in no state that could be judged.
BACKLOG: Final = 3
#: No more are begun each second, whatever the rate: many at a time would have our answers come late, and the target
#: take the road to us for a slow one.
PACE: Final = 300
#: How long a port stays guarded after its conversation: its last segments may still be on their way.
LINGER: Final = SECOND


@dataclass(slots=True, eq=False)
class _Work:
    """A probe with what has come of it; ``blamed`` is how often the target served before it alone, and not after."""

    probe: Probe
    attempts: list[Attempt] = field(default_factory=list)
    blamed: int = 0


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs probes against ``target`` over ``link``, from the address ``here``.

    ``sports`` and ``isns`` give source ports and initial sequence numbers; ``release`` is told of ports no longer
    needed. ``listen`` is a port of ours that the target dials by itself, 0 if it is told where to dial.
    ``jobs`` run at once, of which ``half_open`` hold a place in the target's backlog, and ``rate`` (0: no limit) are
    begun each second. A probe that fails is tried ``repeat`` times more. ``on_result`` is told each result as it is
    known, ``on_progress`` whatever changes.
    """

    link: SharedLink
    target: Target
    here: str
    sports: Iterator[int]
    isns: Iterator[int]
    jobs: int = 16
    half_open: int = BACKLOG
    rate: float = 0
    repeat: int = 2
    listen: int = 0
    release: Callable[[int], None] = lambda port: None
    on_result: Callable[[Result], None] = lambda result: None
    on_progress: Callable[[Progress], None] = lambda progress: None
    checkpoint: Callable[[], None] = lambda: None
    results: list[Result] = field(default_factory=list)
    #: how often a canary failed
    distress: int = 0
    _troupe: Troupe = field(init=False)
    _waiting: deque[_Work] = field(default_factory=deque)
    #: what failed by silence and is tried the last time when all else is done
    _later: list[_Work] = field(default_factory=list)
    _trials: dict[Conversation, tuple[_Work, Trial]] = field(default_factory=dict)
    #: ended since the last canary that sang, not yet believed
    _unproven: list[tuple[_Work, Attempt]] = field(default_factory=list)
    #: those that ask the target to dial
    _callers: set[Conversation] = field(default_factory=set)
    _canary: Conversation | None = None
    #: how many of the unproven ended before the canary under way began
    _covered: int = 0
    #: what was run since the last canary that sang, where one has failed
    _suspects: list[tuple[_Work, Attempt]] = field(default_factory=list)
    #: what was under way when one failed
    _bystanders: list[tuple[_Work, Attempt]] = field(default_factory=list)
    _failed_canaries: int = 0
    _next_start: int = 0
    _resume: int = 0
    _lingering: deque[tuple[int, int]] = field(default_factory=deque)
    #: whether a canary had to send its SYN twice
    _lossy: bool = False
    #: why the target was given up
    _lost: str = ""

    def __post_init__(self) -> None:
        link = Tolerant(self.link, self._refused)
        self._troupe = Troupe(link, on_done=self._done, checkpoint=self._check)

    def run(self, probes: Sequence[Probe]) -> list[Result]:
        """Run them all, those that want to be alone at the end; their results in the order in which they were known.

        Raises ``Failure`` with FILTERED where the target does not serve to begin with.
        """
        if not self._serves():
            port = self.target.ports[Server.OPEN]
            raise Failure(
                Exit.FILTERED,
                f"{self.target.address} port {port} opens no connection.",
                "Look whether a server listens there: rawshake connect HOST PORT.",
            )
        runnable = [probe for probe in probes if self._runnable(probe)]
        # The slow ones first: they go on beside all else.
        together = [probe for probe in runnable if not self._alone(probe)]
        self._run(sorted(together, key=lambda probe: not probe.slow))
        for probe in filter(self._alone, runnable):
            self._run_alone(probe)
        return self.results

    def stop(self) -> None:
        """End all that is under way, each connection by a reset; what is not yet known is INCONCLUSIVE."""
        self._waiting.clear()
        self._troupe.on_done = self._leave
        self._troupe.stop()
        self._troupe.settle(SECOND // 4)

    def _check(self) -> None:
        self.checkpoint()  # whichever it is by then

    # What is to be run.

    def _runnable(self, probe: Probe) -> bool:
        missing = [server for server in probe.servers if server not in self.target.ports]
        if missing:
            needed = " and ".join(f"--{server}" for server in missing)
            self._tell(Result(probe, Verdict.SKIPPED, reason=f"needs {needed}"))
        return not missing

    def _alone(self, probe: Probe) -> bool:
        """One port of ours serves one connection at a time."""
        return probe.alone or (bool(self.listen) and probe.server is Server.DIALS)

    def _run(self, probes: Sequence[Probe]) -> None:
        self._waiting.extend(_Work(probe) for probe in probes)
        self._play()
        if self._later:
            self._waiting.extend(self._later)
            self._later.clear()
            jobs, self.jobs = self.jobs, min(self.jobs, FEW)
            self._play()
            self.jobs = min(jobs, self.jobs) if self.jobs < FEW else jobs

    def _run_alone(self, probe: Probe) -> None:
        """Run it by itself; it is not to blame for a target that did not serve before."""
        if self._lost and not self._serves():
            self._tell(Result(probe, Verdict.INCONCLUSIVE, reason=self._lost))
            return
        self._run([probe])

    def _play(self) -> None:
        while self._waiting or self._troupe.playing or self._unproven or self._suspects:
            self._start()
            if self._troupe.playing:
                self._troupe.run(self._may_start, self._wake())
            else:
                self._pass_time()
            self._overdue()

    def _wake(self) -> int:
        """When to look after things although no conversation has ended: to begin another, or to end one."""
        now = self.link.now()
        return min(max(self._next_start, now + SECOND // 100), now + SECOND // 4)

    def _pass_time(self) -> None:
        """Nothing is under way: wait until something may be begun."""
        until = max(self._next_start, self._resume)
        while self.link.now() < until:
            self.checkpoint()
            self.link.receive(until)

    def _may_start(self) -> bool:
        return self._has_room() or (self._canary is None and self._wants_canary())

    def _has_room(self) -> bool:
        now = self.link.now()
        ready = now >= self._next_start and not self._failed_canaries
        return ready and len(self._trials) < self.jobs and self._next() is not None

    def _next(self) -> _Work | None:
        """The first that waits and for which the target's backlog has a place."""
        held = sum(work.probe.holds is Holds.HALF_OPEN for work, _ in self._trials.values())
        full = held >= self.half_open
        return next((one for one in self._waiting if not (full and one.probe.holds is Holds.HALF_OPEN)), None)

    def _start(self) -> None:
        while self._lingering and self._lingering[0][0] <= self.link.now():
            self.release(self._lingering.popleft()[1])
        if self._canary is None and self._wants_canary():
            self._sing()
        while self._has_room() and (work := self._next()):
            self._waiting.remove(work)
            self._begin(work)

    def _begin(self, work: _Work) -> None:
        now = self.link.now()
        trial = Trial(work.probe, self.target, began=now)
        dialled = work.probe.server is Server.DIALS
        place = self._place(0 if dialled else self.target.ports[work.probe.server])
        if dialled and self.listen:
            place = replace(place, sports=chain((self.listen,), self.sports))
        conversation = Conversation(trial.script, place)
        self._trials[conversation] = (work, trial)
        if dialled and not self.listen:
            self._call(conversation)
        self._next_start = max(now, self._next_start) + round(SECOND / min(self.rate or PACE, PACE))
        self._troupe.add(conversation)
        self._progress()

    def _call(self, conversation: Conversation) -> None:
        """Have the target dial the port of ours that a conversation waits at."""
        caller = Conversation(
            calling(conversation.peers[0].here[1]), self._place(self.target.ports[Server.DIALS])
        )
        self._callers.add(caller)
        self._troupe.add(caller)

    def _place(self, port: int) -> Place:
        return Place(here=self.here, there=self.target.address, port=port, sports=self.sports, isns=self.isns)

    # What has ended.

    def _leave(self, conversation: Conversation) -> None:
        """Reset whatever the target may still hold: at the number that it said it awaits, and at that it should."""
        for peer in conversation.peers:
            for reset in resets(peer):
                self._troupe.link.send(Outgoing(reset))

    def _done(self, conversation: Conversation) -> None:
        self._leave(conversation)
        for peer in conversation.peers:
            if peer.here[1] != self.listen:
                self._lingering.append((self.link.now() + LINGER, peer.here[1]))
        if conversation in self._callers:
            self._callers.remove(conversation)
            return
        if conversation is self._canary:
            self._canary = None
            self._lossy = self._lossy or lost(conversation)
            self._sang(sings(conversation))
            return
        work, trial = self._trials.pop(conversation)
        if trial.vain:
            self._bystanders.append((work, trial.attempt(conversation, self.link.now())))
            self._waiting.appendleft(work)
            return
        self._unproven.append((work, trial.attempt(conversation, self.link.now())))
        self._progress()

    def _overdue(self) -> None:
        """End what takes too long."""
        now = self.link.now()
        for conversation, (work, trial) in self._trials.items():
            if not trial.stopped and now - trial.began > work.probe.patience * SECOND:
                trial.stopped = f"It took longer than {work.probe.patience:g} s."
                conversation.stop(now)

    def _refused(self, sport: int, failure: Failure) -> None:
        """This machine would not send a segment of ours."""
        for conversation, (_, trial) in self._trials.items():
            if sport in (peer.here[1] for peer in conversation.peers):
                trial.stopped = failure.problem
                conversation.stop(self.link.now())
                return
        raise failure

    # Whether the target bears it.

    def _wants_canary(self) -> bool:
        if self._failed_canaries:
            return self.link.now() >= self._resume
        idle = not self._trials and not self._waiting
        few = self.jobs if self.distress else max(self.jobs, 8)
        lost = any(attempt.silent for _, attempt in self._unproven)
        return bool(self._unproven) and (idle or lost or len(self._unproven) >= few)

    def _sing(self) -> None:
        self._covered = len(self._unproven)
        if Server.OPEN not in self.target.ports:  # it only dials: nobody can be served
            self._sang(well=True)
            return
        self._canary = Conversation(canary, self._place(self.target.ports[Server.OPEN]))
        self._troupe.add(self._canary)

    def _serves(self) -> bool:
        if Server.OPEN not in self.target.ports:
            return True
        self._sing()
        sang: list[bool] = []
        self._troupe.on_done = lambda conversation: sang.append(sings(conversation))
        self._troupe.run()
        self._troupe.on_done = self._done
        self._canary = None
        return sang == [True]

    def _sang(self, well: bool) -> None:
        if well:
            self._recover()
            believed, self._unproven = self._unproven[: self._covered], self._unproven[self._covered :]
            for work, attempt in believed:
                self._believe(work, attempt)
            return
        self.distress += 1
        self._failed_canaries += 1
        self._resume = self.link.now() + min(PAUSE << (self._failed_canaries - 1), LONGEST)
        self.jobs = max(1, self.jobs // 2)
        # What is under way now may suffer from the same: it is run again, too.
        for conversation, (_, trial) in self._trials.items():
            trial.vain = True
            conversation.stop(self.link.now())
        self._suspects += self._unproven
        self._unproven = []
        self._progress()
        if self._failed_canaries >= LAST_CANARIES:
            self._give_up()

    def _recover(self) -> None:
        """The target serves again: what ran before it did not is run anew, but for what is to blame."""
        suspects, self._suspects = self._suspects, []
        self._bystanders.clear()
        self._failed_canaries = 0
        for work, attempt in suspects:
            work.blamed += len(suspects) == 1
            if work.blamed >= BLAMED:
                self._blame(work, attempt)
            else:
                self._waiting.appendleft(work)

    def _give_up(self) -> None:
        """The target does not serve any more: what is left cannot be told."""
        suspects, self._suspects = self._suspects, []
        bystanders, self._bystanders = self._bystanders, []
        self._failed_canaries = 0
        names = named([(work.probe.id, attempt) for work, attempt in (*suspects, *bystanders)])
        self._lost = f"The target opened no connection any more{names and ', after '}{names}."
        if len(suspects) == 1:
            self._blame(*suspects[0])
            suspects = []
        rest = [*(work for work, _ in suspects), *self._waiting, *self._later]
        self._waiting.clear()
        self._later.clear()
        for work in rest:
            self._tell(unfinished(work.probe, work.attempts, self._lost))

    def _blame(self, work: _Work, last: Attempt) -> None:
        sentence = "After this alone the target opens no connection any more."
        found = Check("still serves", Verdict.FAIL, "answer", "SYN,ACK", "nothing", sentence)
        broken = Attempt(Verdict.FAIL, (*last.checks, found), last.exchanges, last.began, last.ended)
        self._tell(Result(work.probe, Verdict.FAIL, (*work.attempts, broken), sentence))

    def _believe(self, work: _Work, attempt: Attempt) -> None:
        work.attempts.append(attempt)
        repeat = self.repeat * (OFTEN if self._lossy else 1)
        if enough(work.attempts, repeat):
            self._tell(decide(work.probe, work.attempts))
        elif len(work.attempts) == repeat and all(one.silent for one in work.attempts):
            self._later.append(work)
        else:
            self._waiting.append(work)

    def _tell(self, result: Result) -> None:
        self.results.append(result)
        self.on_result(result)
        self._progress()

    def _progress(self) -> None:
        names = tuple(trial.probe.id for _, trial in self._trials.values())
        ended, stuck = len(self._unproven), bool(self._failed_canaries)
        waiting = len(self._waiting) + ended
        self.on_progress(
            Progress(len(self.results), len(self._trials), waiting, self.jobs, names, ended, stuck)
        )
