"""``sniff`` on real traffic: every connection of a burst judged, once, whatever bridges, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.net.lab.netlink import LOOPBACK_INDEX, bring_up
from rawshake.net.lab.system import Namespace, setns, unshare
from tests.command import LONG, rawshake, read_until
from tests.html.reading import Page, unpacked
from tests.live.isolated import isolated
from tests.live.sniffer import call, report, sniffing


def test_every_connection_of_a_burst_is_seen_and_judged(lab: Lab, address: str, tmp_path: Path) -> None:
    many, port, path = 2000, lab.ports["closes-on-eof"], tmp_path / "report.json"
    with sniffing("port", str(port), "--json", str(path), "-q") as sniffer:
        for _ in range(many):
            call(address, port)
        assert sniffer.stop() == Exit.OK, sniffer.said
    capture = report(path)
    assert len(capture["connections"]) == many
    for one in capture["connections"]:
        assert (one["opened"], one["ended"]) == ("complete", "closed")
        assert one["handshake_complete"]
        assert one["client"]["fin_acked"]
        assert one["server"]["fin_acked"]
        assert one["findings"] == []
    assert capture["totals"]["left_out"] == {}
    assert capture["totals"]["frames"] == sum(one["segments"] for one in capture["connections"])


def test_what_is_not_wanted_is_not_seen(lab: Lab) -> None:
    echo, banner = lab.ports["echo"], lab.ports["banner"]
    with sniffing("--table", "dst", "port", str(echo), "or", "src", "port", str(echo)) as sniffer:
        for port in (echo, banner, echo, banner):
            call(lab.address4, port)
        assert sniffer.stop(signal.SIGTERM) == Exit.OK, sniffer.said
    lines = [line for line in sniffer.said.splitlines() if " > " in line]
    assert len(lines) == 2
    assert all(f"{lab.address4}:{echo} complete, closed" in line for line in lines)
    assert "2 connections, " in sniffer.said


def test_an_exchange_is_drawn_as_soon_as_it_has_ended(lab: Lab) -> None:
    with sniffing("port", str(lab.ports["echo"])) as sniffer:
        call(lab.address4, lab.ports["echo"])
        seen = read_until(sniffer.process, "│ TIME-WAIT ")
        assert "├── SYN ──" in seen
        assert max(map(len, seen.splitlines())) <= 80
        assert sniffer.stop() == Exit.OK
    assert "1 connection, " in sniffer.said
    assert "0 broken" in sniffer.said


def test_compact_can_be_read_back(lab: Lab) -> None:
    from rawshake.tcp.notation import parse_exchange

    with sniffing("--compact", "port", str(lab.ports["echo"])) as sniffer:
        call(lab.address4, lab.ports["echo"])
        read_until(sniffer.process, "TIME-WAIT")
        assert sniffer.stop() == Exit.OK
    assert all(line.startswith(("#", "0.")) for line in sniffer.said.splitlines()[1:]), sniffer.said
    assert parse_exchange("\n".join(sniffer.said.splitlines()[1:])) is not None


def test_the_duration_and_the_count_end_it(lab: Lab, tmp_path: Path) -> None:
    done = rawshake("sniff", "--duration", "0.05", "host", "192.0.2.99")
    assert (done.status, "No TCP connection" in done.out) == (Exit.OK, True)
    path = tmp_path / "trace.pcap"
    port = str(lab.ports["echo"])
    with sniffing("--count", "7", "--pcap", str(path), "port", port) as sniffer:
        call(lab.address4, lab.ports["echo"])
        assert sniffer.end() == Exit.OK
    assert "7 segments in 7 frames" in sniffer.said
    from scapy.utils import rdpcap

    assert len(rdpcap(str(path))) == 7


def test_the_file_tells_what_was_seen(lab: Lab, tmp_path: Path) -> None:
    trace, live, later = tmp_path / "trace.pcap", tmp_path / "live.json", tmp_path / "later.json"
    with sniffing("--pcap", str(trace), "--json", str(live), "-q", "net", f"{lab.address4}/32") as sniffer:
        for name in ("echo", "banner", "resets", "closed", "half-closes"):
            with suppress(ConnectionError):
                call(lab.address4, lab.ports[name])
        assert sniffer.stop() in (Exit.OK, Exit.RULE_BROKEN)
    assert rawshake("check", str(trace), "--json", str(later), "-q").status in (Exit.OK, Exit.RULE_BROKEN)
    keys = ("client", "server", "opened", "ended", "first_frame", "last_frame", "segments")
    now, then = (
        sorted(({key: one[key] for key in keys} for one in report(path)["connections"]), key=str)
        for path in (live, later)
    )
    assert len(now) == 5
    assert now == then


def test_the_page_has_what_was_seen(lab: Lab, tmp_path: Path) -> None:
    page, live = tmp_path / "page.html", tmp_path / "live.json"
    with sniffing("--html", str(page), "--json", str(live), "-q", "net", f"{lab.address4}/32") as sniffer:
        for name in ("echo", "banner", "resets"):
            with suppress(ConnectionError):
                call(lab.address4, lab.ports[name])
        assert sniffer.stop() in (Exit.OK, Exit.RULE_BROKEN)
    found = Page(page.read_text(encoding="utf-8"))
    assert unpacked(found, "report", 0) == live.read_text()
    (drawn,) = json.loads(found.script("data-drawn"))
    assert sorted(drawn["ladders"]) == [1, 2, 3]
    assert json.loads(found.script("data-live")) is True


@isolated
def test_loopback_counts_each_packet_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, sniffing("-i", "lo", "--table") as sniffer:
        address = server.getsockname()

        def answer() -> None:
            with server.accept()[0] as peer:
                while peer.recv(100):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        call(*address)
        thread.join()
        assert sniffer.stop() == Exit.OK
    assert "1 connection, " in sniffer.said
    assert "captured twice" not in sniffer.said
    assert "sent again" not in sniffer.said


def in_namespace(descriptor: int, act: Callable[[], None]) -> threading.Thread:
    """Run that in another network namespace, beside us."""

    def body() -> None:
        setns(descriptor, Namespace.NETWORK)
        act()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@contextmanager
def bridged() -> Iterator[tuple[int, int]]:
    """A bridge here, and two namespaces behind its ports; gives their descriptors: 10.9.0.1 and 10.9.0.2."""
    from pyroute2 import IPRoute

    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    far: list[int] = []
    try:
        for _ in range(2):
            unshare(Namespace.NETWORK)
            far.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        setns(here, Namespace.NETWORK)
        with IPRoute() as route:
            route.link("add", ifname="br0", index=10, kind="bridge")
            for number, there in enumerate(far, 1):
                peer = {"ifname": "eth0", "index": 2, "net_ns_fd": there}
                route.link("add", ifname=f"port{number}", index=10 + number, kind="veth", peer=peer)
                route.link("set", index=10 + number, master=10, state="up")
            route.link("set", index=10, state="up")
        for number, there in enumerate(far, 1):
            setns(there, Namespace.NETWORK)
            with IPRoute() as route:
                route.addr("add", index=2, address=f"10.9.0.{number}", prefixlen=24)
                route.link("set", index=2, state="up")
                route.link("set", index=LOOPBACK_INDEX, state="up")
        setns(here, Namespace.NETWORK)
        yield far[0], far[1]
    finally:
        setns(here, Namespace.NETWORK)
        for descriptor in (here, *far):
            os.close(descriptor)


@isolated
def test_a_bridge_and_its_ports_show_each_packet_once() -> None:
    with bridged() as (one, other), sniffing("--table", "port", "8080") as sniffer:
        ready = threading.Event()

        def serve() -> None:
            with socket.create_server(("10.9.0.2", 8080)) as server:
                ready.set()
                with server.accept()[0] as peer:
                    while octets := peer.recv(1 << 16):
                        peer.sendall(octets * 100)

        serving = in_namespace(other, serve)
        assert ready.wait(LONG)
        calling = in_namespace(one, lambda: call("10.9.0.2", 8080))
        calling.join()
        serving.join()
        assert sniffer.stop() == Exit.OK
    assert "1 connection, " in sniffer.said
    assert "complete, closed" in sniffer.said
    assert "captured twice" in sniffer.said
    assert "sent again" not in sniffer.said


def test_mistakes_are_told_in_a_sentence(lab: Lab) -> None:
    for arguments, status, sentence in (
        (("-i", "nope0"), Exit.INTERFACE_DOWN, "There is no interface 'nope0'."),
        (("port", "x"), Exit.USAGE, "'x' is not a port"),
        (("porrt", "80"), Exit.USAGE, "'porrt' is not known"),
        (("--json", "-", "--junit", "-"), Exit.USAGE, "cannot both"),
        (("--pcap", "/nowhere/trace.pcap"), Exit.UNREADABLE, "/nowhere/trace.pcap"),
    ):
        done = rawshake("sniff", "--duration", "0.01", *arguments)
        assert done.status == status, done.err
        assert sentence in done.err
        assert len(done.err.splitlines()) <= 2


def test_an_interface_that_goes_away_ends_it(lab: Lab) -> None:
    @isolated
    def body() -> None:
        from pyroute2 import IPRoute

        with IPRoute() as route:
            route.link("add", ifname="here", index=20, kind="veth", peer={"ifname": "there", "index": 21})
            bring_up(20)
            with sniffing("-i", "here") as sniffer:
                route.link("del", index=20)
                assert sniffer.end() == Exit.OK
        assert "The interface 'here' is gone." in sniffer.said

    body()
