"""The fast road for live traffic: frames come in batches, and a connection that is drawn is followed once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rawshake.connection import Connection
from rawshake.follow import Follower, Limits
from rawshake.link import Frame
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Rule
from rawshake.screen.columns import UNVERIFIABLE
from rawshake.screen.road import Screen, columns_of
from rawshake.tcp.tracker import Tracker


class LiveScreen(Screen):
    """Judges what ``take`` is given, each connection handed to ``done``.

    Where ``keep`` says so it has its transcript; ``told`` says whether with all that the rules say. ``live`` is told
    each judged step of those that the columns could not decide on.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        done: Callable[[Connection], None],
        *,
        limits: Limits,
        keep: Callable[[Connection], bool],
        told: Callable[[], bool],
        live: Callable[[int, Tracker, Judged | Remark], None] | None = None,
    ) -> None:
        super().__init__(rules, done, limits=limits, keep=keep, live=live)
        self._told = told

    def take(self, frames: Sequence[Frame]) -> None:
        """Judge more frames; those of connections that go on may wait for more."""
        if self.undeclared:
            for frame in frames:
                self.frame(frame)
            return
        rows, octets = columns_of(frames, 0)
        for row, frame in enumerate(frames):
            if frame.offloaded:
                rows.offloaded[row] = True
                rows.checksum[row] = UNVERIFIABLE
        self._advance(rows, [octets])

    def flush(self) -> None:
        """There is a pause: what waits is judged as far as it goes."""
        if not self.undeclared and (len(self._waiting.rows) or len(self._carried.rows)):
            rows, octets = columns_of((), 0)
            self._advance(rows, [octets], final=True)

    def _transcript(self, connection: Connection, frames: Sequence[Frame]) -> Exchange:
        """Followed once more where it is to be told with all that the rules say."""
        if not self._told():
            return super()._transcript(connection, frames)
        made: list[Connection] = []
        follower = Follower(self._rules, made.append, keep=lambda connection: True)
        for frame in frames:
            follower.frame(frame)
        follower.finish()
        return (made[0].exchange if made else None) or super()._transcript(connection, frames)
