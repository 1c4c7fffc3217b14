"""``rawshake.connect`` in scripts: every way to talk, to end and to fail, and that it always says goodbye."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

import rawshake
from rawshake.net.lab.namespaces import Lab
from rawshake.render.json import dump, load
from rawshake.report import Outcome
from rawshake.tcp import option
from rawshake.tcp.segment import Segment
from rawshake.tcp.state import State
from rawshake.tcp.view import End
from tests.command import ROOT, environment
from tests.live.peer import Peer, run


def states(client: rawshake.Client) -> tuple[State, State]:
    """Ours, and the server's."""
    return client.state, client.peer_state


def kernel(lab: Lab, client: rawshake.Client) -> State:
    """Where the server's kernel says that it is."""
    return lab.control.state(client.server, client.client).state


def test_it_opens_talks_and_closes(lab: Lab, address: str) -> None:
    with rawshake.connect(address, 7) as client:
        assert states(client) == (State.ESTABLISHED, State.ESTABLISHED)
        client.send(b"hello")
        assert client.receive(5) == b"hello"
        assert kernel(lab, client) is State.ESTABLISHED
    assert client.exchange.outcome is Outcome.CLOSED
    assert states(client) == (State.TIME_WAIT, State.CLOSED)
    assert kernel(lab, client) is State.CLOSED
    assert client.findings == ()


def test_an_exception_resets_and_goes_on(lab: Lab) -> None:
    with pytest.raises(ZeroDivisionError), rawshake.connect("192.0.2.2", 7) as client:
        assert 1 / 0
    assert client.exchange.outcome is Outcome.RESET_BY_US
    assert client.exchange.steps[-1].segment.rst
    assert kernel(lab, client) is State.CLOSED


@pytest.mark.parametrize(
    ("port", "how", "outcome"),
    [(7, "fin", Outcome.CLOSED), (7, "half", Outcome.CLOSED), (13, "simultaneous", Outcome.CLOSED),
     (7, "rst", Outcome.RESET_BY_US)],
)  # fmt: skip
def test_every_way_to_end(
    lab: Lab, port: int, how: Literal["fin", "half", "simultaneous", "rst"], outcome: Outcome
) -> None:
    with rawshake.connect("192.0.2.2", port) as client:
        exchange = client.close(how)
    assert client.exchange is exchange
    assert exchange.outcome is outcome


def test_half_closed_it_reads_on(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 1002) as client:
        client.shutdown()
        assert client.state is State.FIN_WAIT_2
        assert kernel(lab, client) is State.CLOSE_WAIT
        assert len(client.receive_all()) == 24_000
        assert client.receive() == b""
        with pytest.raises(rawshake.Failure, match="after our FIN"):
            client.send(b"more")


def test_the_server_closes_first(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 13) as client:
        assert client.receive_all() == b"That was all.\r\n"
        assert states(client) == (State.CLOSE_WAIT, State.FIN_WAIT_2)
    assert states(client) == (State.CLOSED, State.TIME_WAIT)


def test_more_than_a_window_each_way(lab: Lab) -> None:
    octets = bytes(range(256)) * 800
    with rawshake.connect("192.0.2.2", 7, window=8192) as client:
        client.send(octets)
        assert client.receive(len(octets)) == octets
    # Both begin with as many segments as RFC 6928 allows, and RFC 9293 does not.
    assert {found.rule for found in client.findings} <= {"initial-window-bounded"}
    assert not client.exchange.broken_by_peer


def test_what_was_received_can_be_read_after_the_end(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 7) as client:
        client.send(b"hello")
        first = client.receive(1)
    assert first + client.receive() == b"hello"
    assert client.receive_all() == b""
    with pytest.raises(rawshake.Failure, match="The connection is closed"):
        client.send(b"more")


def test_our_segments_are_as_they_are_asked_for(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 7, isn=0xFFFFFFFF, options="<mss 1000,sackOK>", ttl=9) as client:
        pass
    syn = client.exchange.steps[0].segment
    assert (syn.seq.value, syn.mss, syn.sack_permitted, syn.ttl) == (0xFFFFFFFF, 1000, True, 9)


def test_lost_on_our_own_side(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 7, drop="synack:1") as client:
        pass
    assert [step.note for step in client.exchange.steps].count("dropped by rawshake") == 1
    assert client.findings == ()


@pytest.mark.parametrize(
    ("port", "status", "outcome"),
    [(1, rawshake.Exit.REFUSED, Outcome.REFUSED), (2, rawshake.Exit.FILTERED, Outcome.FILTERED)],
)
def test_what_cannot_be_opened(lab: Lab, port: int, status: rawshake.Exit, outcome: Outcome) -> None:
    with pytest.raises(rawshake.Broken) as raised:
        rawshake.connect("192.0.2.2", port, timeout=0.2)
    assert raised.value.status is status
    assert raised.value.exchange.outcome is outcome
    assert raised.value.problem.startswith(f"192.0.2.2:{port} ")


def test_a_reset_while_it_waits(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 1004) as client:
        client.send(b"x")
        with pytest.raises(rawshake.Broken, match="reset the connection") as raised:
            client.receive()
        assert raised.value.status is rawshake.Exit.RESET
    assert client.exchange.outcome is Outcome.RESET


def test_nothing_comes(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 9) as client:
        with pytest.raises(rawshake.Broken, match=r"sent nothing for 0.05 s\.") as raised:
            client.receive(timeout=0.05)
        assert raised.value.status is rawshake.Exit.TIMED_OUT
    assert client.exchange.outcome is Outcome.CLOSED


def test_its_report_and_its_ladder(lab: Lab) -> None:
    with rawshake.connect("192.0.2.2", 7) as client:
        assert client.report.exchanges[0].outcome is Outcome.HELD
    assert dump(load(dump(client.report))) == dump(client.report)
    drawn = client.ladder(100)
    assert "├── SYN" in drawn
    assert max(map(len, drawn.splitlines())) <= 100
    assert client.exchange.state(End.CLIENT) == "TIME-WAIT"


def blocks() -> list[str]:
    """The Python of the README's section on this."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## From Python\n")[2].partition("\n## ")[0]
    return [block.partition("```")[0] for block in section.split("```python\n")[1:]]


def test_the_readme_s_example(lab: Lab) -> None:
    program, _, _ = blocks()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, *ladder = done.stdout.splitlines()
    assert first == "b'hello' ESTABLISHED"
    assert any(line.startswith("closed: ") and "0 broken" in line for line in ladder)


def test_the_readme_s_server(lab: Lab) -> None:
    _, program, _ = blocks()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("b'GET / HTTP/1.1'\nOutcome.CLOSED False\n", "")


def fixture_alone(folder: Path, program: str, *more: str) -> list[str]:
    """The command that runs the program's tests and nothing else."""
    (folder / "test_server.py").write_text(program)
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return [*pytest, str(folder), *more]


def test_the_readme_s_fixture(lab: Lab, tmp_path: Path) -> None:
    _, _, program = blocks()
    done = subprocess.run(
        fixture_alone(tmp_path, program),
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def scale_that_was_not_offered(peer: Peer, right: Segment) -> Iterator[Segment]:
    yield replace(right, options=(*right.options, option.wscale(7)))


def test_the_readme_s_fixture_tells_of_a_server_that_breaks_a_rule(lab: Lab, tmp_path: Path) -> None:
    _, _, program = blocks()
    mine = "rawshake.connect(*server.server_address)"
    assert mine in program

    def command(address: str, port: int) -> list[str]:
        against = program.replace(mine, f"rawshake.connect({address!r}, {port})")
        return fixture_alone(tmp_path, against, "-k", "test_echo")

    peer = Peer(alter=scale_that_was_not_offered, names=frozenset({"synack"}), says=b"hello")
    assert run(lab, peer, tmp_path / "drawn", command) == 1
    said = (tmp_path / "drawn").read_text(encoding="utf-8")
    assert "1 passed, 1 deselected, 1 error" in said
    assert "synack-wscale-ts-only-if-offered" in said
