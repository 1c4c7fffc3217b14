"""How far a run of probes is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How many are done, under way and waiting, at how many jobs, and what is under way.

    ``ended`` of those that wait have run, and count once the target has shown that it still serves. ``stuck``: it
    does not serve just now, and nothing is begun.
    """

    done: int
    running: int
    waiting: int
    jobs: int
    names: tuple[str, ...]
    ended: int = 0
    stuck: bool = False
