"""``rawshake play HOST PORT`` against the lab's kernel: files, signals, callers, and a firewall of our own."""

from __future__ import annotations

import errno
import signal
import socket
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.render.json import load
from rawshake.tcp.state import State
from rawshake.tcp.view import End
from tests.command import Done, rawshake, read_until, started

TWO = """
def script(peer):
    for one in (peer, peer.another()):
        yield one.send("S 0:0(0) <mss 1460>")
        yield one.expect("S. 0:0(0) ack 1")
        yield one.send(". 1:1(0) ack 1")
    yield peer.quiet(0.2)
"""
CALLED = """
PEER = "caller"


def script(peer):
    print("ready", flush=True)
    yield peer.expect("S", within=20)
    yield peer.send("S.")
    yield peer.expect(". ack 1")
"""
WAITS = TWO + "    yield peer.wait(60)\n"


def play(lab: Lab, server: str, script: str, *options: str, address: str = "") -> Done:
    return rawshake("play", script, address or lab.address4, str(lab.ports[server]), *options)


def written(scratch: Path, text: str) -> str:
    path = scratch / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_connections_in_one_report_and_one_capture(lab: Lab, address: str, tmp_path: Path) -> None:
    from scapy.layers.inet import TCP
    from scapy.utils import rdpcap

    report, frames = tmp_path / "report.json", tmp_path / "frames.pcap"
    script = written(tmp_path, TWO)
    done = play(lab, "echo", script, "--json", str(report), "--pcap", str(frames), address=address)
    assert (done.status, done.err) == (Exit.OK, "")
    exchanges = load(report.read_text(encoding="utf-8")).exchanges
    assert len(exchanges) == 2
    for exchange in exchanges:
        assert [str(step.segment.flags) for step in exchange.steps] == ["S", "S.", ".", "R"]
        assert [one for one in exchange.findings if not one.ours] == []
        assert lab.control.state(exchange.server, exchange.client).state is State.CLOSED
        # The times are those of the capture, in order.
        times = [step.time for step in exchange.steps]
        assert times == sorted(times)
    assert [str(packet[TCP].flags) for packet in rdpcap(str(frames))].count("R") == 2
    assert len(rdpcap(str(frames))) == 8
    assert rawshake("check", str(frames)).status == Exit.OK


def test_link_local_with_its_zone(lab: Lab) -> None:
    assert play(lab, "echo", "fin-with-data", "-q", address="fe80::2%lab0").status == Exit.OK


def test_a_mismatch_against_a_kernel(lab: Lab, tmp_path: Path) -> None:
    script = written(tmp_path, TWO.replace('ack 1")', 'ack 2")', 1))
    done = play(lab, "echo", script, "--compact")
    assert (done.status, done.err) == (Exit.MISMATCH, "")
    assert "#     ack  expected 2, got 1" in done.out.splitlines()


def test_ports_that_are_closed_or_filtered(lab: Lab) -> None:
    for server, outcome in (("closed", "refused"), ("filtered", "no answer")):
        done = play(lab, server, "fin-with-data", "-q")
        assert done.status == Exit.MISMATCH
        assert done.out.startswith(outcome)


def test_an_address_that_nobody_has(lab: Lab) -> None:
    done = play(lab, "echo", "fin-with-data", "-q", address="192.0.2.77")
    assert done.status == Exit.UNREACHABLE
    assert "192.0.2.77 does not answer ARP" in done.err


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_a_signal_leaves_no_connection_at_the_server(
    lab: Lab, tmp_path: Path, number: signal.Signals, status: Exit
) -> None:
    report = tmp_path / "report.json"
    arguments = (written(tmp_path, WAITS), lab.address4, str(lab.ports["echo"]), "--json", str(report))
    with started("play", *arguments, "--compact") as process:
        read_until(process, "> . 1:1(0)")
        process.send_signal(number)
        assert process.wait(20) == status
    exchanges = load(report.read_text(encoding="utf-8")).exchanges
    assert len(exchanges) == 2
    for exchange in exchanges:
        assert any(step.ours and step.segment.rst for step in exchange.steps)
        assert lab.control.state(exchange.server, exchange.client).state is State.CLOSED


def test_a_caller_is_waited_for_on_the_port_that_is_named(lab: Lab, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    script = written(tmp_path, CALLED)
    arguments = (script, lab.address4, "4711", "--json", str(report))
    with started("play", *arguments, "-q") as process:
        read_until(process, "ready")
        with lab.entered(Side.SERVER):
            caller = socket.socket()
        with caller:
            caller.setblocking(False)
            assert caller.connect_ex(("192.0.2.1", 4711)) == errno.EINPROGRESS
            assert process.wait(20) == Exit.OK
    (exchange,) = load(report.read_text(encoding="utf-8")).exchanges
    assert (exchange.client[0], exchange.server) == (lab.address4, ("192.0.2.1", 4711))
    assert {step.sender for step in exchange.steps if step.ours} == {End.SERVER}


def test_a_port_of_ours_that_is_taken(lab: Lab) -> None:
    with socket.create_server(("192.0.2.1", 0)) as server:
        done = play(lab, "echo", "fin-with-data", "--sport", str(server.getsockname()[1]))
    assert done.status == Exit.PORT_TAKEN
    assert len(done.err.splitlines()) == 2


def test_a_firewall_that_drops_what_we_send(held: Lab, tmp_path: Path) -> None:
    from pyroute2.nftables.main import NFTables

    with NFTables(nfgen_family=1) as tables:
        tables.table("add", name="test")
        tables.chain("add", table="test", name="out", hook="output", type="filter", policy=0)
    done = play(held, "echo", "fin-with-data")
    assert done.status == Exit.LOCAL_FIREWALL
    assert "firewall" in done.err


def test_without_the_right_to_raw_sockets() -> None:
    done = rawshake("play", "fin-with-data", "127.0.0.1", "9", prefix=("setpriv", "--bounding-set=-all"))
    assert done.status == Exit.NO_PRIVILEGE, done
