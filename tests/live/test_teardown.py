"""``teardown HOST PORT``: every way to end, every loss, every wrong number, and every way not to get there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab, Side
from rawshake.render.json import load
from rawshake.report import Exchange, Outcome
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Step
from tests.command import LONG, Done, rawshake, read_until, started
from tests.live.linux import unexpected


@dataclass(frozen=True)
class Ended:
    """An exchange, the command's exit status, and what the server's kernel says after it."""

    exchange: Exchange
    status: int
    kernel: State

    @property
    def findings(self) -> list[tuple[str, bool]]:
        return [(one.rule, one.ours) for one in unexpected(self.exchange)]

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.exchange.steps

    @property
    def client(self) -> State | None:
        return self.steps[-1].after.client.expected


def teardown(lab: Lab, server: str, *options: str, address: str = "") -> Done:
    return rawshake("teardown", address or lab.address4, str(lab.ports[server]), "--linger", "0", *options)


def report(lab: Lab, server: str, *options: str, address: str = "", data: str = "x") -> Ended:
    """A teardown by its report."""
    done = teardown(lab, server, "--json", "-", "--data", data, *options, address=address)
    assert done.out, done.err
    (exchange,) = load(done.out).exchanges
    return Ended(exchange, done.status, lab.control.state(exchange.server, exchange.client).state)


@pytest.mark.parametrize(
    ("server", "how", "outcome", "client", "kernel"),
    [
        ("echo", "fin", "closed", "TIME-WAIT", State.CLOSED),
        ("closes-on-eof", "fin", "closed", "TIME-WAIT", State.CLOSED),
        ("banner", "fin", "closed", "TIME-WAIT", State.CLOSED),
        ("discard", "half", "closed", "TIME-WAIT", State.CLOSED),
        ("answers-after-eof", "half", "closed", "TIME-WAIT", State.CLOSED),
        ("sends-bulk", "half", "closed", "TIME-WAIT", State.CLOSED),
        ("does-not-read", "half", "closed", "TIME-WAIT", State.CLOSED),
        ("closes-first", "simultaneous", "closed", "TIME-WAIT", State.TIME_WAIT),
        ("half-closes", "simultaneous", "closed", "TIME-WAIT", State.TIME_WAIT),
        ("echo", "rst", "reset by us", "CLOSED", State.CLOSED),
    ],
)
def test_every_how(
    lab: Lab, address: str, server: str, how: str, outcome: str, client: str, kernel: State
) -> None:
    data = "" if how == "simultaneous" else "x"
    ended = report(lab, server, "--how", how, address=address, data=data)
    assert (ended.exchange.outcome.value, ended.status, ended.kernel) == (outcome, Exit.OK, kernel)
    assert str(ended.client) == client
    assert ended.findings == []


def test_all_that_a_server_sends_after_our_fin_is_read(lab: Lab) -> None:
    ended = report(lab, "answers-after-eof", "--how", "half")
    assert len(ended.exchange.data) == 24_000


@pytest.mark.parametrize(
    ("server", "options", "outcome", "status"),
    [
        ("closed", (), "refused", Exit.REFUSED),
        ("filtered", ("--timeout", "0.3"), "no answer", Exit.FILTERED),
        ("never-accepts", ("--timeout", "0.3"), "half-closed", Exit.TIMED_OUT),
        # Our FIN cannot leave: what the server does not read is before it.
        (
            "does-not-read",
            ("--timeout", "0.3", "--how", "half", "--data", "x" * 100_000),
            "timed out",
            Exit.TIMED_OUT,
        ),
        ("banner", ("--timeout", "0.3", "--how", "simultaneous"), "timed out", Exit.TIMED_OUT),
        ("resets", (), "reset by the peer", Exit.RESET),
        ("resets-on-accept", (), "reset by the peer", Exit.RESET),
    ],
)
def test_every_other_end(
    lab: Lab, address: str, server: str, options: tuple[str, ...], outcome: str, status: Exit
) -> None:
    ended = report(lab, server, *options, address=address)
    assert (ended.exchange.outcome.value, ended.status) == (outcome, status)
    assert ended.kernel is State.CLOSED
    assert ended.findings == []


@pytest.mark.parametrize("isn", ["4294967295", "4294967290", "0"])
def test_numbers_that_wrap(lab: Lab, address: str, isn: str) -> None:
    ended = report(lab, "echo", "--isn", isn, data="some text of ours", address=address)
    assert (ended.exchange.outcome, ended.findings) == (Outcome.CLOSED, [])
    assert ended.steps[0].segment.seq == Seq(int(isn))


@pytest.mark.parametrize(
    "drop",
    [
        "syn:1", "synack:1", "ack:1", "fin:1", "lastack:1", "theirfin:1", "theirack:1", "data:1",
        "syn:1,synack:1", "synack:1,synack:2", "fin:1,fin:2", "theirfin:1,lastack:1",
    ],
)  # fmt: skip
def test_what_is_lost_is_sent_again(lab: Lab, drop: str) -> None:
    data = {"ack:1": "", "data:1": "more than one segment. " * 100}.get(drop, "x")
    ended = report(lab, "echo", "--drop", drop, "--linger", "2", data=data)
    assert (ended.status, ended.exchange.outcome, ended.findings) == (Exit.OK, Outcome.CLOSED, [])
    assert sum(step.fate is Fate.LOST for step in ended.steps) == len(drop.split(","))
    assert any(step.again for step in ended.steps) or drop in ("ack:1", "theirack:1", "lastack:1")
    assert ended.kernel is State.CLOSED


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("ack.ack=+1", "handshake-third-ack"),
        ("syn.flags=SF", "syn-form"),
        ("syn.flags=SF.", "syn-form"),
        ("lastack.seq=+1", "sequence-contiguous"),
        ("lastack.seq=+70000", "sequence-contiguous"),
        ("syn.checksum=+1", "checksum-sent-valid"),
    ],
)
def test_a_wrong_number_on_purpose_is_named_as_ours(lab: Lab, bad: str, rule: str) -> None:
    ended = report(lab, "echo", "--bad", bad, "--timeout", "0.3", data="")
    assert ended.findings == [(rule, True)]
    assert ended.status != Exit.RULE_BROKEN


def test_what_was_asked_of_segments_that_were_never_met_is_told(lab: Lab) -> None:
    # The data rides on the third ACK, and nobody resets.
    idle = teardown(lab, "echo", "--data", "x", "--bad", "data.seq=+1", "--drop", "rst:1,fin:1,fin:9")
    assert idle.status == Exit.OK
    for asked in ("--bad data.seq", "--drop rst:1", "--drop fin:9"):
        assert f"{asked} was not used: there was no such segment" in idle.out
    assert "--drop fin:1" not in idle.out


def test_the_kernel_never_answers_for_us(lab: Lab, tmp_path: Path) -> None:
    from scapy.layers.inet import TCP
    from scapy.utils import rdpcap

    for server in ("echo", "closes-first", "sends-bulk"):
        frames = tmp_path / f"{server}.pcap"
        assert teardown(lab, server, "--pcap", str(frames), "--how", "half").status == Exit.OK
        assert not [packet for packet in rdpcap(str(frames)) if packet[TCP].flags.R]


def open_ends(lab: Lab) -> int:
    """How many connections the server's kernel has; those in TIME-WAIT come and go by the clock."""
    return sum(count for state, count in lab.control.census().items() if state is not State.TIME_WAIT)


def test_again_and_again(lab: Lab) -> None:
    before = open_ends(lab)
    for _ in range(10):
        ended = report(lab, "echo")
        assert (ended.exchange.outcome, ended.findings, ended.kernel) == (Outcome.CLOSED, [], State.CLOSED)
    assert open_ends(lab) == before


def test_link_local_with_its_zone(lab: Lab) -> None:
    done = teardown(lab, "echo", address="fe80::2%lab0")
    assert done.status == Exit.OK, done.err
    assert teardown(lab, "echo", address="fe80::2").status == Exit.NO_ROUTE


def test_a_dead_neighbour(lab: Lab) -> None:
    done = teardown(lab, "echo", "--timeout", "0.5", "--json", "-", address="192.0.2.99")
    assert done.status == Exit.UNREACHABLE
    assert load(done.out).exchanges[0].detail == "192.0.2.99 does not answer ARP"


def test_icmp_is_shown_and_ends_the_attempt(lab: Lab) -> None:
    """A prohibited route on the server's side: its kernel forwards nothing, and says so."""
    from pyroute2 import IPRoute

    with lab.entered(Side.SERVER), IPRoute() as server:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        server.route("add", dst="198.51.100.0/24", type="prohibit")
    with IPRoute() as client:
        client.route("add", dst="198.51.100.0/24", gateway=lab.address4)
    done = teardown(lab, "echo", address="198.51.100.7")
    assert done.status == Exit.UNREACHABLE
    assert "ICMP from 192.0.2.2" in done.out
    assert "\nunreachable (ICMP from 192.0.2.2: " in done.out


def test_no_route(lab: Lab) -> None:
    done = teardown(lab, "echo", address="203.0.113.1")
    assert (done.status, done.out) == (Exit.NO_ROUTE, "")
    assert "203.0.113.1" in done.err


@pytest.fixture
def firewalled(request: pytest.FixtureRequest) -> Lab:
    return request.getfixturevalue("held")  # type: ignore[no-any-return]


def drop_all() -> None:
    from pyroute2.nftables.main import NFTables

    with NFTables(nfgen_family=1) as tables:
        tables.table("add", name="test")
        tables.chain("add", table="test", name="out", hook="output", type="filter", policy=0)


def test_a_local_firewall_that_drops_from_some_moment_on(held: Lab, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    target = held.address4, str(held.ports["banner"])
    late = ("--how", "simultaneous", "--timeout", "2", "--compact", "--json", str(path))
    with started("teardown", *target, *late) as process:
        read_until(process, "# ESTABLISHED /")
        drop_all()
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(LONG) == Exit.LOCAL_FIREWALL, said
    assert "the local firewall keeps a segment back: resetting" in said
    assert "stopped by the local firewall: 3 segments" in said
    (exchange,) = load(path.read_text()).exchanges
    assert exchange.outcome is Outcome.LOCAL_FIREWALL


def test_a_local_firewall_that_drops(firewalled: Lab) -> None:
    drop_all()
    done = teardown(firewalled, "echo", "--timeout", "1")
    assert done.status == Exit.LOCAL_FIREWALL
    assert "firewall" in done.err
    assert rawshake("doctor").status == Exit.LOCAL_FIREWALL


def test_a_local_firewall_that_resets(firewalled: Lab) -> None:
    from pyroute2.nftables.expressions import genex
    from pyroute2.nftables.main import NFTables

    with NFTables(nfgen_family=1) as tables:
        tables.table("add", name="test")
        tables.chain("add", table="test", name="in", hook="input", type="filter", policy=1)
        reject = genex("reject", {"TYPE": 1})  # with tcp reset
        tables.rule("add", table="test", chain="in", expressions=([reject],))
    done = teardown(firewalled, "echo", "--timeout", "1")
    assert done.status == Exit.LOCAL_FIREWALL
    assert "this machine's kernel or firewall" in " ".join(done.out.replace("│", " ").split())
    assert "in our name" in done.out


def test_where_nothing_is_acknowledged_any_more_the_server_is_reset(lab: Lab) -> None:
    ended = report(lab, "echo", "--bad", "fin.seq=+5", "--timeout", "0.5", data="")
    assert (ended.exchange.outcome, ended.status, ended.kernel) == (
        Outcome.TIMED_OUT,
        Exit.TIMED_OUT,
        State.CLOSED,
    )
    assert ended.steps[-1].segment.rst


def test_a_server_that_refuses_our_wrong_ack_stays_where_it_is(lab: Lab) -> None:
    ended = report(lab, "echo", "--bad", "ack.ack=+1", "--timeout", "1", data="")
    assert any(step.segment.rst for step in ended.steps if step.sender is End.SERVER)
    assert (ended.exchange.outcome, ended.kernel) == (Outcome.CLOSED, State.CLOSED)
    assert ended.steps[-2].after.server.proven is State.LAST_ACK
