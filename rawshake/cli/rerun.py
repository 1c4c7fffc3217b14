"""The command that runs a probe of ``verify`` again, and nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rawshake.net import lab
from rawshake.permitted import PERMISSION
from rawshake.probes.model import Probe, Server

if TYPE_CHECKING:
    from rawshake.cli.verifying import Asked


def again(asked: Asked, ports: Mapping[Server, int], probes: Sequence[Probe]) -> Callable[[str], str]:
    """By the id of a probe: what was asked for, with no more ports than it needs."""
    known = {probe.id: probe for probe in probes}

    def command(name: str) -> str:
        words = ["rawshake", "verify", asked.host, *_ports(asked, ports, known[name]), *_road(asked)]
        inside = ["rawshake", "lab", "run", "--"] if asked.host == lab.NAME else []
        return shlex.join([*inside, *words, "--select", name])

    return command


def _ports(asked: Asked, ports: Mapping[Server, int], probe: Probe) -> Iterator[str]:
    """Those that it needs, and one that is open; in a lab only what was named, for all are known."""
    named = asked.host != lab.NAME
    if Server.OPEN in ports and (named or asked.open_port is not None):
        yield str(ports[Server.OPEN])
    for server in dict.fromkeys(probe.servers):
        if server is Server.DIALS and asked.listen:
            yield from ("--listen", str(asked.listen))
        elif server is not Server.OPEN and str(server) in asked.ports:
            yield from (f"--{server}", str(ports[server]))


def _road(asked: Asked) -> Iterator[str]:
    """How the target is reached."""
    if asked.family is not None:
        yield f"-{asked.family}"
    for option, value in (("--source", asked.source), ("--interface", asked.interface)):
        if value is not None:
            yield from (option, value)
    if asked.allowed:
        yield PERMISSION
