"""The fast road for live traffic: frames come in batches, and a connection that is drawn is followed once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rawshake.connection import Connection
from rawshake.follow import Follower, Key, Limits
from rawshake.link import Frame
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Rule
from rawshake.screen.columns import UNVERIFIABLE
from rawshake.screen.road import Screen, columns_of
from rawshake.screen.settle import Packets
from rawshake.tcp.tracker import Tracker


class LiveScreen(Screen):
    """Judges what ``take`` is given, each connection handed to ``done``.

    Where ``keep`` says so it has its transcript. ``live`` is told each judged step of those that the columns could
    not decide on.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        done: Callable[[Connection], None],
        *,
        limits: Limits,
        keep: Callable[[], bool],
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
    ) -> None:
        super().__init__(rules, self._hand_on, limits=limits)
        self._told = done
        self._wanted = keep
        self._keep = lambda number: keep()
        self._live = live
        self._clean: Packets | None = None

    def take(self, frames: Sequence[Frame]) -> None:
        """Judge more frames; those of connections that go on may wait for more."""
        if self.undeclared:
            for frame in frames:
                self.frame(frame)
            return
        rows, octets = columns_of(frames, 2)
        for row, frame in enumerate(frames):
            if frame.offloaded:
                rows.offloaded[row] = True
                rows.checksum[row] = UNVERIFIABLE
        self._advance(rows, [b"", b"", octets])

    def flush(self) -> None:
        """There is a pause: what waits is judged as far as it goes."""
        if not self.undeclared and (len(self._waiting.rows) or len(self._carried.rows)):
            rows, octets = columns_of((), 2)
            self._advance(rows, [b"", b"", octets], final=True)

    def _close(self, key: Key) -> None:
        one = self.settled.get(key)
        self._clean = one.packets if one is not None else None
        super()._close(key)
        self._clean = None

    def _hand_on(self, connection: Connection) -> None:
        if self._clean is not None and self._wanted():
            connection = replace(connection, exchange=self._drawn(self._clean.frames()))
        self._told(connection)

    def _drawn(self, frames: Sequence[Frame]) -> Exchange | None:
        """The transcript of a connection of which these are all packets."""
        made: list[Connection] = []
        follower = Follower(self._rules, made.append, keep=lambda number: True)
        for frame in frames:
            follower.frame(frame)
        follower.finish()
        return made[0].exchange if made else None
