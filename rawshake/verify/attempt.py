"""One attempt of a probe: its script, wrapped so that every expectation is written down, and what it came to."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from rawshake.play import Action, Conversation, Ending, Mismatch, Peer, Unexpected
from rawshake.play.actions import Arrival, Expect, ExpectIcmp, IcmpArrival, Quiet
from rawshake.probes.cell import Played
from rawshake.probes.model import Check, Probe, Target, Undecided
from rawshake.probes.result import Attempt, verdict_of
from rawshake.rules.model import Level, Verdict


@dataclass(slots=True)
class Trial:
    """A probe being tried on ``target``. ``stopped`` is why it was ended from outside; ``vain``: it does not count."""

    probe: Probe
    target: Target
    began: int = 0
    checks: list[Check] = field(default_factory=list)
    stopped: str = ""
    vain: bool = False

    def script(self, peer: Peer) -> Generator[Action[Any], Any, object]:
        """The probe's script; what it expects and gets is noted on the way."""
        acts = self.probe.play(peer, self.target)
        value: object = None
        thrown: Unexpected | None = None
        while True:
            try:
                action = acts.send(value) if thrown is None else acts.throw(thrown)
            except StopIteration as end:
                return end.value
            except Undecided as undecided:
                return Check(undecided.reason, undecided.verdict, sentence=f"{undecided.reason}.")
            thrown = None
            try:
                value = yield action
            except Unexpected as unexpected:
                thrown = unexpected
            else:
                self._note(action, value)

    def _note(self, action: Action[Any], value: object) -> None:
        if isinstance(action, Expect | ExpectIcmp) and isinstance(value, Arrival | IcmpArrival):
            self.checks.append(Check(str(action), expected=str(action), actual=value.text))
        elif isinstance(action, Quiet):
            self.checks.append(Check(str(action), expected=str(action), actual="nothing"))

    def attempt(self, conversation: Conversation, now: int) -> Attempt:
        """What it has come to, with its conversation ended, at ``now`` (ns)."""
        result = conversation.result
        assert result is not None
        told, silent = self._told(conversation)
        checks = (*self.checks, *told)
        return Attempt(
            verdict=verdict_of(checks),
            checks=checks,
            exchanges=conversation.exchanges(at_once=True),
            began=self.began,
            ended=now,
            silent=silent,
            played=result.value if isinstance(result.value, Played) else None,
        )

    def _told(self, conversation: Conversation) -> tuple[tuple[Check, ...], bool]:
        """What the end of the script says; and whether only silence speaks against the target."""
        result = conversation.result
        assert result is not None
        if self.stopped:
            return (Check(self.stopped, Verdict.INCONCLUSIVE, sentence=self.stopped),), False
        if result.ending is Ending.MISMATCH and result.mismatch is not None:
            return mismatched(result.mismatch, self.probe.level), result.mismatch.silence
        if result.ending is Ending.MISTAKE and result.mistake is not None:
            sentence = f"The probe itself is wrong: {result.mistake.problem}"
            return (Check(sentence, Verdict.ERROR, sentence=sentence),), False
        if result.ending is Ending.STOPPED:
            return (Check("interrupted", Verdict.INCONCLUSIVE, sentence="It was interrupted."),), False
        if isinstance(result.value, Played):
            return judged(result.value), not result.value.replies and not result.value.proof.states
        found = result.value if isinstance(result.value, tuple) else (result.value,)
        return tuple(one for one in found if isinstance(one, Check)), False


def mismatched(mismatch: Mismatch, level: Level) -> tuple[Check, ...]:
    """An expectation that was not met: one check for each field that differs."""
    verdict, what, sentence = level.when_broken, mismatch.expected, mismatch.sentence
    if mismatch.came is None or not mismatch.differences:
        came = "nothing came" if mismatch.came is None else mismatch.came.text
        return (Check(what, verdict, "answer", what, came, sentence),)
    return tuple(
        Check(what, verdict, one.field, one.expected, one.actual, sentence) for one in mismatch.differences
    )


def judged(played: Played) -> tuple[Check, ...]:
    """The checks that a cell of the grid comes to."""
    what = str(played.cell)
    ruling = played.ruling
    outcome = ruling.nearest.outcome
    wanted = f"{outcome.reply or 'silence'}, {outcome.state}"
    if ruling.met is None:
        sentence = f"{played.answer}; {played.proof.why}"
        # Who answers nothing afterwards is not known to be in a wrong state.
        known = [one for one in ruling.differences if one.field != "state" or played.proof.states]
        if not known:
            return (
                Check(what, Verdict.INCONCLUSIVE, "state", wanted, "no answer", f"{sentence} afterwards."),
            )
        return tuple(
            Check(what, Verdict.FAIL, one.field, one.expected, one.actual, sentence) for one in known
        )
    asides = [str(choice) for choice in ruling.met.noted] + ([ruling.aside] if ruling.aside else [])
    passed = Check(what, Verdict.PASS, expected=wanted, actual=played.answer)
    return (passed, *(Check(what, Verdict.NOTE, sentence=aside, actual=played.answer) for aside in asides))
