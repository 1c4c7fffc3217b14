"""``sniff`` on real traffic: every connection of a burst judged, once, whatever bridges; floods; and how it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import pack
from typing import Any

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from rawshake.net.lab.netlink import LOOPBACK_INDEX, bring_up
from rawshake.net.lab.system import Namespace, setns, unshare
from tests.command import LONG, environment, rawshake, read_until, started
from tests.live.isolated import isolated
from tests.tcp.strategies import ip_packet

LISTENING = "Listening on"


class Sniffer:
    """A running ``sniff``: what it writes, and how it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = read_until(process, LISTENING)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        assert "Traceback" not in self.said, self.said
        return self.process.wait(LONG)

    def peak(self) -> int:
        """The most memory that it ever had, in octets."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@contextmanager
def sniffing(*arguments: str) -> Iterator[Sniffer]:
    with started("sniff", *arguments, env={"COLUMNS": "80"}) as process:
        yield Sniffer(process)


def report(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    (capture,) = document["captures"]
    return dict(capture)


def call(address: str, port: int) -> None:
    """Open, say a word, close, and wait for the server's end."""
    with socket.create_connection((address, port), timeout=LONG) as connection:
        connection.send(b"hello")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def put(packets: list[bytes], interface: str = "lo") -> None:
    """Put packets onto an interface, as they are; nobody answers them."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as link:
        for packet in packets:
            ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
            link.sendto(packet, (interface, ethertype, 0, 0, b"\0" * 6))


def segment(
    src: tuple[str, int], dst: tuple[str, int], seq: int, ack: int, flags: int, data: bytes = b""
) -> bytes:
    from rawshake.tcp.segment import Flags, Segment
    from rawshake.tcp.seq import Seq
    from tests.tcp.strategies import tcp_octets

    whole = Segment(
        src=src[0], sport=src[1], dst=dst[0], dport=dst[1], seq=Seq(seq), ack=Seq(ack), flags=Flags(flags),
        window=65000, payload=data, payload_length=len(data),
    )  # fmt: skip
    return ip_packet(src[0], dst[0], tcp_octets(whole))


def connection(number: int, *, odd: int = 0) -> list[bytes]:
    """A whole connection, made by hand: ten segments. ``odd`` are flags of the third, which make it slow to judge."""
    client = (f"198.51.100.{number >> 14 & 255}", 1024 + (number & 16383))
    server = ("203.0.113.80", 80)
    a, b = 1000 + number, 5000 + number
    syn, fin, ack, push = 2, 1, 16, 8
    return [
        segment(client, server, a, 0, syn),
        segment(server, client, b, a + 1, syn | ack),
        segment(client, server, a + 1, b + 1, ack | odd),
        segment(client, server, a + 1, b + 1, ack | push, b"question"),
        segment(server, client, b + 1, a + 9, ack),
        segment(server, client, b + 1, a + 9, ack | push, b"answer"),
        segment(client, server, a + 9, b + 7, ack),
        segment(client, server, a + 9, b + 7, fin | ack),
        segment(server, client, b + 7, a + 10, fin | ack),
        segment(client, server, a + 10, b + 8, ack),
    ]


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
        assert sniffer.stop(signal.SIGTERM) == Exit.OK
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


@isolated
def test_a_flood_is_counted_and_forgotten() -> None:
    many = 60_000
    server = ("203.0.113.80", 80)
    syn = pack("!HHIIHHHH", 1024, 80, 1, 0, 5 << 12 | 2, 1000, 0, 0)
    whole = ip_packet("198.51.100.1", server[0], syn)

    def spoofed(number: int) -> bytes:
        return whole[:12] + pack("!I", 0xC6336400 + number) + whole[16:]

    with sniffing("--table", "--max-connections", "2000", "port", "80") as sniffer:
        put([spoofed(number) for number in range(many // 2)])
        put(connection(1))
        put([spoofed(number + many // 2) for number in range(many // 2)])
        said = read_until(sniffer.process, "complete, closed by the client")
        memory = sniffer.peak()
        assert sniffer.stop() == Exit.OK
    assert "198.51.100.0:1025" in said
    text = " ".join(sniffer.said.split())
    assert (
        f"{many} connections begun and never completed, counted and forgotten: {many} to 203.0.113.80:80."
        in text
    )
    assert f"{many} frames: each is of one of too many connections that nobody completed." in text
    assert "1 connection, 10 segments" in text
    # Each would take 10 KB if it were followed.
    assert memory < 150 << 20


@isolated
def test_a_few_without_an_answer_are_judged() -> None:
    with sniffing("--table") as sniffer:
        put([connection(number)[0] for number in range(3)])
        assert sniffer.stop() == Exit.OK
    assert sniffer.said.count("no answer") == 3
    assert "3 without an answer" in sniffer.said


@isolated
def test_what_cannot_be_judged_in_time_is_said_and_what_is_judged_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    many = 4000
    packets = [packet for number in range(many) for packet in connection(number, odd=0x80)]
    with sniffing("--buffer", "4", "--json", str(path), "-q") as sniffer:
        # So many at once that nobody can follow each.
        put(packets)
        assert sniffer.stop() in (Exit.OK, Exit.RULE_BROKEN)
    capture = report(path)
    totals = capture["totals"]
    assert totals["segments"] + sum(totals["left_out"].values()) == 10 * many, totals
    assert totals["segments"] < 10 * many
    assert "more came than can be judged" in str(totals["left_out"])


@isolated
def test_the_most_connections_are_kept() -> None:
    with sniffing("--max-connections", "50", "--table") as sniffer:
        put([packet for number in range(200) for packet in connection(number)[:4]])
        assert sniffer.stop() == Exit.OK
    assert "150 connections: forgotten while open: too many connections at a time." in sniffer.said


@isolated
def test_it_ends_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with sniffing("--table", "--json", str(path)) as sniffer:
        assert sniffer.process.stdout is not None
        sniffer.process.stdout.close()
        put(connection(1))
        assert sniffer.process.wait(LONG) == Exit.OK
    assert len(report(path)["connections"]) == 1


@isolated
def test_the_table_on_a_terminal() -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rawshake", "sniff", "--table", "--color", "always"]
    env = environment({"TERM": "xterm", "COLUMNS": "100", "LINES": "30"})
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = ""

    def read(wanted: str) -> None:
        nonlocal seen
        while wanted not in seen:
            assert select.select([ours], [], [], LONG)[0], seen
            seen += os.read(ours, 65536).decode("utf-8", "replace")

    try:
        read(LISTENING)
        put(connection(1))
        put([packet for number in range(2, 4) for packet in connection(number)[:5]])
        read("complete, closed by the client")
        read("3 connections, 2 of them open")
        process.send_signal(signal.SIGINT)
        read("still open")
        read("rules held")
        assert process.wait(LONG) == Exit.OK
        assert "198.51.100.0:1025" in seen
        assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")  # the cursor is shown again
    finally:
        process.kill()
        process.wait()
        os.close(ours)


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
