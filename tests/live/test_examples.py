"""Every example, live against the lab's kernel: it is played to its end, and the kernel has broken nothing."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

import rawshake.examples
from rawshake.link import Seen
from rawshake.net.lab import SERVER4, SERVER6
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.net.shared import SharedWire
from rawshake.play import Conversation, Ending, Place, Result
from rawshake.play.perform import Troupe
from rawshake.report import Exchange
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.tcp.state import State

SECOND = 1_000_000_000
NAMES = sorted(path.stem for path in Path(rawshake.examples.__path__[0]).glob("[a-z]*.py"))


def numbers() -> Iterator[int]:
    while True:
        yield int.from_bytes(os.urandom(4), "big")


@contextmanager
def dialling(lab: Lab, address: str, target: tuple[str, int]) -> Iterator[None]:
    """A socket of the lab's server that dials our port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with lab.entered(Side.SERVER):
        caller = socket.socket(family, socket.SOCK_STREAM)
    with caller:
        caller.setblocking(False)
        assert caller.connect_ex(target) == errno.EINPROGRESS
        yield


@dataclass(frozen=True)
class Played:
    """How an example ended, and in which states the kernel was left."""

    result: Result
    exchanges: tuple[Exchange, ...]
    left: set[State]


def play_all(lab: Lab, address: str) -> dict[str, Played]:
    """All at once, over one wire: they wait for timers."""
    source = "2001:db8::1" if ":" in address else "192.0.2.1"
    strangers: list[Seen] = []
    playing: dict[str, Conversation] = {}
    with SharedWire(source, address) as link, ExitStack() as callers:
        troupe = Troupe(link, on_stranger=strangers.append)
        ports, isns = link.ports(), numbers()
        for name in NAMES:
            module = import_module(f"rawshake.examples.{name}")
            port = 0 if module.PEER == "caller" else lab.ports[module.PEER]
            place = Place(here=source, there=address, port=port, sports=ports, isns=isns)
            playing[name] = Conversation(module.script, place, book())
            if not port:
                callers.enter_context(dialling(lab, address, playing[name].peers[0].here))
            troupe.add(playing[name])
        troupe.run(deadline=link.now() + 60 * SECOND)
        troupe.settle(SECOND)
        assert strangers == []
        found = {}
        for name, one in playing.items():
            assert one.result is not None, name
            exchanges = one.exchanges()
            ends = [
                (e.server, e.client) if e.client[0] == source else (e.client, e.server) for e in exchanges
            ]
            states = {lab.control.state(*pair).state for pair in ends}
            found[name] = Played(one.result, exchanges, states)
    return found


@pytest.fixture(scope="module", params=[SERVER4, SERVER6], ids=["IPv4", "IPv6"])
def played(lab: Lab, request: pytest.FixtureRequest) -> dict[str, Played]:
    return play_all(lab, request.param)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_played_against_a_kernel(played: dict[str, Played], name: str) -> None:
    one = played[name]
    assert one.result.ending is Ending.PLAYED, one.result.mismatch.text if one.result.mismatch else one.result
    breaches = [
        f"{found.step} {found.rule}: {found.sentence}"
        for exchange in one.exchanges
        for found in exchange.findings
        if not found.ours and found.verdict is Verdict.FAIL
    ]
    assert breaches == []
    assert one.left <= {State.CLOSED, State.TIME_WAIT}
