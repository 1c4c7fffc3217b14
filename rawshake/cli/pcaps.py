"""The frames of ``verify`` in a directory: a file for each probe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rawshake.link import Frame
from rawshake.net.pcapfile import save
from rawshake.probes.result import Result
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Segment

_Ends = frozenset[tuple[str, int]]


def name_of(probe: str) -> str:
    """What the file of a probe is called; a cell's id has slashes."""
    return probe.replace("/", "_").replace(" ", "-") + ".pcap"


def save_each(directory: str, results: Sequence[Result], frames: Sequence[Frame]) -> None:
    """Write the frames of each probe's connections, of all its attempts; no file for what was never run."""
    found: dict[_Ends, list[Frame]] = {}
    for frame in frames:
        seen = decode(frame.packet)
        if isinstance(seen, Segment):
            found.setdefault(frozenset({(seen.src, seen.sport), (seen.dst, seen.dport)}), []).append(frame)
    for result in results:
        ends = {
            frozenset({exchange.client, exchange.server})
            for attempt in result.attempts
            for exchange in attempt.exchanges
        }
        if ends:
            its = sorted((frame for one in ends for frame in found.get(one, ())), key=lambda one: one.time)
            save(str(Path(directory) / name_of(result.probe.id)), its)
