"""Captures of other people: what each shows, read packet by packet by hand, is what is made of it."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Final

import pytest

from rawshake.api.frames import Reading
from rawshake.connection import Connection, EndFacts
from rawshake.follow import Follower, Totals
from rawshake.rules import book
from rawshake.tcp.view import End
from tests.recorded import ACKED, OTHERS, SHOWN, UNACKED, Shown, Side

RECORDED: Final = Path(__file__).parent / "captures" / "recorded"


def chunks(path: Path) -> list[bytes]:
    octets = path.read_bytes()
    return [zlib.decompress(octets, 31) if path.suffix == ".gz" else octets]


def follow(name: str) -> tuple[list[Connection], Totals, Reading]:
    done: list[Connection] = []
    follower = Follower(book(), done.append)
    reading = Reading()
    for frame in reading.frames(chunks(RECORDED / name)):
        follower.frame(frame)
    totals = follower.finish()
    return sorted(done, key=lambda one: one.number), totals, reading


def shown(connection: Connection) -> Shown:
    facts = connection.facts
    times = facts.retransmissions
    kinds = (("SYN", times.syn), ("SYN,ACK", times.syn_ack), ("FIN", times.fin), ("data", times.data))
    return Shown(
        f"{connection.client[1]} {connection.server[1]}",
        f"{connection.first_frame}-{connection.last_frame}",
        facts.opened.value,
        " ".join([facts.ended.value, *([str(facts.ended_by)] if facts.ended_by else [])]),
        _side(facts.client),
        _side(facts.server),
        ", ".join(f"{count} {kind}" for kind, count in kinds if count),
        tuple(findings(connection)),
    )


def _side(end: EndFacts) -> Side:
    fin = (ACKED if end.fin_acked else UNACKED) if end.fin_sent else ""
    return Side(None if end.isn is None else end.isn.value, end.octets, fin, len(end.resets))


def findings(connection: Connection) -> list[str]:
    return [
        f"{one.ruling.rule} {one.ruling.verdict} {one.ruling.end} {one.frame}" for one in connection.findings
    ]


def test_the_files_are_as_they_were_recorded() -> None:
    rows = [line.split("\t") for line in (RECORDED / "MANIFEST.tsv").read_text().splitlines()[1:]]
    assert {row[0] for row in rows} == set(SHOWN) | OTHERS
    for name, *_, digest in rows:
        assert hashlib.sha256((RECORDED / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("name", SHOWN)
def test_what_was_recorded(name: str) -> None:
    connections, _, _ = follow(name)
    assert [shown(one) for one in connections] == SHOWN[name]


def test_a_damaged_file_says_so() -> None:
    _, totals, reading = follow("libpcap_shb-option-too-long.pcapng")
    assert totals.frames == 0
    assert reading.damage is not None


def test_a_flood() -> None:
    connections, totals, _ = follow("trex_syn_attack.pcap")
    assert totals.connections == 50
    assert {one.facts.opened.value for one in connections} == {"no answer"}
    assert {one.facts.client.isn and one.facts.client.isn.value for one in connections} == {0}
    assert [found for one in connections for found in findings(one) if " FAIL " in found] == []


def test_a_request_in_fragments() -> None:
    connections, _, _ = follow("pcapplusplus_frag_http_req.pcap")
    (one,) = connections
    assert (one.client, one.server) == (("172.16.133.54", 64415), ("216.137.33.81", 80))
    assert (one.facts.segments, one.facts.opened.value, one.findings) == (1, "midstream", ())


def test_what_was_fuzzed_breaks_checksums_and_what_else_it_says() -> None:
    connections, totals, reading = follow("ndpi_fuzz-2006-09-29-28586.pcap")
    assert totals.frames > 100
    others = [found for one in connections for found in findings(one) if "checksum-sent-valid" not in found]
    # Frame 72 says that it is 9547 octets long, which it is not, and its IPv4 checksum is wrong; 80 is noise.
    assert others == ["reserved-bits-sent-zero FAIL client 80", "option-layout-wellformed FAIL client 80"]
    assert reading.left_out["has an IPv4 header that is damaged"] == 2
    reset = [end for one in connections for end in End if getattr(one.facts, end.value).resets]
    assert len(reset) <= 1
