"""Every example is played to its end by an honest host in memory, and tells of a host that is not."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import rawshake.examples
from rawshake.play import Ending, Rehearsed, Stack, rehearse
from rawshake.play.host import HABITS, Host, calling, serving
from rawshake.play.rehearse import Reply
from rawshake.rules import book
from rawshake.tcp.icmp import IcmpError
from rawshake.tcp.segment import Flags, Segment

NAMES = sorted(path.stem for path in Path(rawshake.examples.__path__[0]).glob("[a-z]*.py"))


def example(name: str) -> ModuleType:
    return import_module(f"rawshake.examples.{name}")


def host(module: ModuleType) -> Host:
    return calling() if module.PEER == "caller" else serving(module.PEER)


def play(name: str, stack: Stack | None = None) -> Rehearsed:
    module = example(name)
    port = 0 if module.PEER == "caller" else 80
    return rehearse(module.script, stack or host(module), port=port, rules=book())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_played_to_its_end(name: str) -> None:
    played = play(name)
    assert played.result.ending is Ending.PLAYED, played.result
    for exchange in played.exchanges:
        assert [f"{one.step} {one.rule}" for one in exchange.findings if not one.ours] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_for(name: str) -> None:
    module = example(name)
    assert module.__doc__ is not None
    assert module.__doc__.partition("\n")[0].endswith(".")
    assert module.PEER == "caller" or module.PEER in HABITS


class Faulty:
    """A host of which nothing with ``flag`` comes, but for SYNs; or, without a flag, nothing but SYNs."""

    def __init__(self, honest: Host, flag: Flags | None) -> None:
        self.honest = honest
        self.flag = flag

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return self._left(self.honest.took(segment, now))

    def woke(self, now: int) -> Iterable[Reply]:
        return self._left(self.honest.woke(now))

    def told(self, error: IcmpError, now: int) -> Iterable[Reply]:
        return ()

    def deadline(self) -> int | None:
        return self.honest.deadline()

    def _left(self, replies: Iterable[Reply]) -> Iterable[Reply]:
        for after, reply in replies:
            assert isinstance(reply, Segment)
            keeps = reply.syn if self.flag is None else reply.syn or not reply.flags & self.flag
            if keeps:
                yield after, reply


class Stubborn(Faulty):
    """A host that believes no reset."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return () if segment.rst else super().took(segment, now)


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_of_a_host_that_does_nothing_but_open(name: str) -> None:
    module = example(name)
    faulty = Faulty(host(module), None)
    # This one asks for no more than a SYN, and silence.
    enough = name == "syn_sent_reset"
    assert (play(name, faulty).result.ending is Ending.PLAYED) is enough


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "reset" in name or "old" in name or "half" in name]
)
def test_it_tells_of_a_host_that_believes_no_reset(name: str) -> None:
    result = play(name, Stubborn(host(example(name)), Flags(0))).result
    assert result.ending is Ending.MISMATCH
