"""The command that runs a probe again: it names what the probe needs, how the target is reached, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from rawshake.cli.rerun import again
from rawshake.cli.verifying import Asked, chosen, named_ports
from rawshake.probes.model import Server

DIALS = "ack-without-syn-dropped"


def asked(**more: Any) -> Asked:
    words: dict[str, Any] = dict.fromkeys(
        ["listen", "jobs", "rate", "expect", "source", "interface", "family", "json", "junit", "html", "pcap"]
    )
    words |= {"host": "192.0.2.2", "open_port": 80, "ports": {}, "select": (), "ignore": (), "show": ()}
    words |= {"slow": False, "repeat": 2, "fail_on": "fail", "allowed": False, "verbose": 0, "quiet": False}
    return Asked(**words | {"ascii": False, "colour": "auto"} | more)


def command(name: str, **more: Any) -> str:
    words = asked(**more)
    ports = named_ports(words)
    return again(words, ports, chosen(words, frozenset(ports)))(name)


@pytest.mark.parametrize(
    ("name", "more", "wanted"),
    [
        ("syn-opens", {}, "rawshake verify 192.0.2.2 80 --select syn-opens"),
        (
            "closes-first-by-one-fin",
            {"ports": {"echo": 7, "closes-first": 13}},
            "rawshake verify 192.0.2.2 80 --closes-first 13 --select closes-first-by-one-fin",
        ),
        # an open port that was not named is one of those that were
        (
            "syn-opens",
            {"open_port": None, "ports": {"echo": 7}},
            "rawshake verify 192.0.2.2 7 --select syn-opens",
        ),
        (DIALS, {"ports": {"dials": 17}}, f"rawshake verify 192.0.2.2 80 --dials 17 --select {DIALS}"),
        (DIALS, {"listen": 8000}, f"rawshake verify 192.0.2.2 80 --listen 8000 --select {DIALS}"),
        (
            DIALS,
            {"listen": 8000, "open_port": None},
            f"rawshake verify 192.0.2.2 --listen 8000 --select {DIALS}",
        ),
        (
            "syn-opens",
            {"host": "a host", "family": 6, "source": "::1", "interface": "lo", "allowed": True},
            "rawshake verify 'a host' 80 -6 --source ::1 --interface lo --i-am-allowed-to-test-this-host "
            "--select syn-opens",
        ),
        (
            "closes-first-by-one-fin",
            {"host": "lab", "open_port": None},
            "rawshake lab run -- rawshake verify lab --select closes-first-by-one-fin",
        ),
        (
            "closes-first-by-one-fin",
            {"host": "lab", "open_port": 7, "ports": {"closes-first": 99, "echo": 7}},
            "rawshake lab run -- rawshake verify lab 7 --closes-first 99 --select closes-first-by-one-fin",
        ),
    ],
)
def test_a_probe_is_run_again_by(name: str, more: dict[str, Any], wanted: str) -> None:
    assert command(name, **more) == wanted


def test_a_cell_is_run_again_at_the_kind_of_server_that_it_ran_at() -> None:
    name = "ESTABLISHED/RST/at"
    ports = {"echo": 7, "no-read": 11}
    words = command(name, ports=ports).split()
    assert words[3:6] == ["80", "--no-read", "11"]
    same = asked(ports={"no-read": 11})
    servers = frozenset(named_ports(same))
    (probe,) = (one for one in chosen(same, servers) if one.id == name)
    assert probe.server is Server.NO_READ
