"""Exchanges on known roads, by columns: each takes one form's next packet at a time, or goes astray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

import numpy as np

from rawshake.many.forms import PACKETS, Forms, Reply, manner
from rawshake.many.kinds import Span
from rawshake.many.line import Batch
from rawshake.many.packets import ROW, Column, number
from rawshake.tcp.option import timestamp_clock

_SPACE: Final = 1 << 32
#: What a slot holds in place of a node: no exchange as yet, or one that has a session of its own.
FREE: Final = -1
ASTRAY: Final = -2
#: An exchange of a known form is judged as the first one was if neither took longer, in ns. Rules that look at
#: times have nothing to say of what is as quick and has no data; the nearest is half a second for an ACK.
QUICK: Final = 450_000_000
#: How long to wait for the next packet, or for the captured copy of one of ours, before a session takes over.
PATIENCE: Final = 400_000_000


@dataclass(frozen=True, slots=True)
class Past:
    """What has passed of an exchange: packets that we sent and when, and what came; copies tell when ours left.

    A time of 0 is that of a copy which has not come.
    """

    sent: list[tuple[int, bytes]]
    copies: list[int]
    heard: list[tuple[int, bytes, bool]]


@dataclass(slots=True)
class Taken:
    """What a batch came to: packets to send, slots whose exchange is complete, and what went on no road.

    ``rest`` has (slot, row of the batch), in order; exchanges in ``astray`` were on the road until then, and are
    parked now.
    """

    send: list[Column] = field(default_factory=list)
    complete: list[int] = field(default_factory=list)
    astray: set[int] = field(default_factory=set)
    rest: list[tuple[int, int]] = field(default_factory=list)


class Road:
    """The exchanges of all ports, one in each slot. ``forms`` may learn while exchanges are under way.

    ``tsval`` is that of every SYN, if it is not the clock's.
    """

    def __init__(
        self,
        forms: Forms,
        source: str,
        ports: Sequence[int],
        target: str,
        port: int,
        *,
        tsval: int | None = None,
    ) -> None:
        count = len(ports)
        self.tsval = tsval
        self.forms = forms
        self.node = np.full(count, FREE, np.int64)
        #: exchanges that no road goes on with; what comes for them is ``rest``
        self.parked = np.zeros(count, bool)
        self.ports = np.array(ports, np.int64)
        self._slot_of = np.full(1 << 16, -1, np.int64)
        self._slot_of[self.ports] = np.arange(count)
        self._target_port = port
        self._v6 = ":" in source
        here = ip_address(source).packed + ip_address(target).packed
        there = ip_address(target).packed + ip_address(source).packed
        self._here, self._there = np.frombuffer(here, np.uint8), np.frombuffer(there, np.uint8)
        self.iss = np.zeros(count, np.int64)
        self.irs = np.zeros(count, np.int64)
        self._sent = np.zeros((count, PACKETS, ROW), np.uint8)
        self._sent_length = np.zeros((count, PACKETS), np.int64)
        self._sent_at = np.zeros((count, PACKETS), np.int64)
        self._copied_at = np.zeros((count, PACKETS), np.int64)
        self._heard = np.zeros((count, PACKETS, ROW), np.uint8)
        self._heard_length = np.zeros((count, PACKETS), np.int64)
        self._heard_at = np.zeros((count, PACKETS), np.int64)
        self._heard_offloaded = np.zeros((count, PACKETS), bool)
        self._latest = np.zeros(count, np.int64)
        # TSvals; -1 where a packet has none, which nobody echoes.
        self._sent_stamp = np.full((count, PACKETS), -1, np.int64)
        self._heard_stamp = np.full((count, PACKETS), -1, np.int64)
        self._last_stamp = np.full(count, -1, np.int64)
        #: how far ahead of our clock an exchange's TSvals are
        self._ahead = np.zeros(count, np.int64)

    def open(self, slots: Column, iss: Column, now: int) -> Column:
        """Begin an exchange in each slot, and return the SYNs to send."""
        self.node[slots] = 0
        self.iss[slots] = iss
        self.irs[slots] = 0
        self._copied_at[slots] = 0
        self._sent_stamp[slots] = self._heard_stamp[slots] = -1
        self._last_stamp[slots] = -1
        self._ahead[slots] = 0
        rows = self._reply(self.forms.syn, slots, 0, now)
        if self.tsval is not None:
            self._ahead[slots] = self.tsval - timestamp_clock(now)
            self._sent_stamp[slots, 0] = self.tsval
        return rows

    def _reply(self, reply: Reply, slots: Column, nth: int, now: int) -> Column:
        tsval = (self._ahead[slots] + timestamp_clock(now)) % _SPACE
        heard = self._heard_stamp[slots]
        rows = reply.packets(self.ports[slots], self.iss[slots], self.irs[slots], tsval, heard)
        if reply.template.stamps is not None:
            self._sent_stamp[slots, nth] = tsval
        length = rows.shape[1]
        self._sent[slots, nth, :length] = rows
        self._sent[slots, nth, length:] = 0
        self._sent_length[slots, nth] = length
        self._sent_at[slots, nth] = self._latest[slots] = now
        return rows

    def take(self, batch: Batch, now: int) -> Taken:
        """Go on with what has come. A packet that is none of ours, nor of theirs to us, is nobody's."""
        taken = Taken()
        slots, ours, plain = self._whose(batch)
        rest = ~plain
        known = plain & (slots >= 0)
        on_road = known & (self.node[slots] >= 0) & ~self.parked[slots]
        copies = np.nonzero(on_road & ours)[0]
        strange = copies[~self._copied(batch, copies, slots[copies])]
        rest[strange] = True
        taken.astray.update(slots[strange].tolist())
        self._go_on(batch, np.nonzero(on_road & ~ours)[0], slots, rest, taken, now)
        rest |= known & ((self.node[slots] == ASTRAY) | self.parked[slots])
        self.parked[list(taken.astray)] = True
        left = np.nonzero(rest)[0]
        taken.rest = list(zip(slots[left].tolist(), left.tolist(), strict=True))
        return taken

    def _whose(self, batch: Batch) -> tuple[Column, Column, Column]:
        """The slot of each packet, -1 for none; whether it is ours; and whether all that could be told by columns."""
        rows = batch.rows
        if self._v6:
            addresses = rows[:, 8:40]
            plain = (rows[:, 0] >> 4 == 6) & (rows[:, 6] == 6)
            at = 40
        else:
            addresses = rows[:, 12:20]
            whole = (rows[:, 6] & 0x3F == 0) & (rows[:, 7] == 0)
            plain = (rows[:, 0] == 0x45) & (rows[:, 9] == 6) & whole
            at = 20
        plain &= batch.lengths >= at + 20
        sport, dport = number(rows, at, 2), number(rows, at + 2, 2)
        out = (
            (addresses == self._here).all(axis=1) & (dport == self._target_port) & (self._slot_of[sport] >= 0)
        )
        into = (addresses == self._there).all(axis=1) & (sport == self._target_port) & ~out
        slots = np.where(out, self._slot_of[sport], np.where(into, self._slot_of[dport], -1))
        slots[~plain] = -1
        return slots, out, plain

    def _copied(self, batch: Batch, rows: Column, slots: Column) -> Column:
        """Note when our packets left; which of these are packets of ours."""
        at = 40 if self._v6 else 20
        sent = self.forms.sent[self.node[slots]]
        lengths, times = batch.lengths[rows], batch.times[rows]
        width = min(ROW, int(lengths.max(initial=at)))
        octets = batch.rows[rows, at:width]
        found = np.zeros(len(rows), bool)
        known = np.zeros(len(rows), bool)
        for nth in range(int(sent.max(initial=0))):
            same = (nth < sent) & ~found & (self._sent_length[slots, nth] == lengths)
            same[same] = (self._sent[slots[same], nth, at:width] == octets[same]).all(axis=1)
            known |= same
            # Two packets may be alike, as two ACKs are: the first copy is of the first.
            fresh = np.nonzero(same & (self._copied_at[slots, nth] == 0))[0]
            fresh = fresh[np.unique(slots[fresh], return_index=True)[1]]
            self._copied_at[slots[fresh], nth] = times[fresh]
            found[fresh] = True
        return known  # the same once more is a copy from a further interface

    def _go_on(self, batch: Batch, rows: Column, slots: Column, rest: Column, taken: Taken, now: int) -> None:
        """Take packets of theirs, of each exchange one after the other."""
        order = rows[np.argsort(slots[rows], kind="stable")]
        while len(order):
            heads = np.ones(len(order), bool)
            heads[1:] = slots[order[1:]] != slots[order[:-1]]
            first, order = order[heads], order[~heads]
            lost = np.isin(slots[first], list(taken.astray))
            rest[first[lost]] = True
            first = first[~lost]
            strange = self._step(batch, first, slots[first], taken, now)
            rest[strange] = True
            taken.astray.update(slots[strange].tolist())

    def _step(self, batch: Batch, rows: Column, slots: Column, taken: Taken, now: int) -> Column:
        """One packet for each of these exchanges; returns those that no road goes on with."""
        nodes = self.node[slots]
        open_ = np.ones(len(rows), bool)
        for here in np.unique(nodes).tolist():
            node = self.forms.nodes[here]
            for edge in node.edges:
                asked = np.nonzero(open_ & (nodes == here))[0]
                if not len(asked):
                    break
                mine, of = rows[asked], slots[asked]
                hit = edge.takes(
                    batch.rows[mine],
                    batch.lengths[mine],
                    batch.offloaded[mine],
                    self.iss[of],
                    self.irs[of],
                    self._sent_stamp[of],
                    self._last_stamp[of],
                )
                mine, of = mine[hit], of[hit]
                if not len(of):
                    continue
                open_[asked[hit]] = False
                self._heard[of, node.heard] = batch.rows[mine]
                self._heard_length[of, node.heard] = batch.lengths[mine]
                self._heard_at[of, node.heard] = batch.times[mine]
                self._heard_offloaded[of, node.heard] = batch.offloaded[mine]
                if edge.shape.stamps is not None:
                    self._last_stamp[of] = number(batch.rows[mine], edge.shape.stamps, 4)
                    self._heard_stamp[of, node.heard] = self._last_stamp[of]
                self._latest[of] = now
                if edge.opens:
                    self.irs[of] = number(batch.rows[mine], edge.shape.tcp + 4, 4)
                self.node[of] = edge.node
                for nth, reply in enumerate(edge.replies, node.sent):
                    self._copied_at[of, nth] = 0
                    taken.send.append(self._reply(reply, of, nth, now))
                if self.forms.nodes[edge.node].results and not node.results:
                    taken.complete += of.tolist()
        found: Column = rows[open_]
        return found

    def late(self, now: int) -> list[int]:
        """Slots in which nothing came for too long although the exchange goes on, or a copy of ours is missing."""
        on_road = np.nonzero((self.node >= 0) & (now - self._latest > PATIENCE))[0]
        if not len(on_road):
            return []
        nodes = self.node[on_road]
        over = self.forms.over[nodes]
        return [int(slot) for slot in on_road[~over | ~self._all_copied(on_road)]]

    def over(self) -> list[int]:
        """Slots whose exchange is complete."""
        on_road = np.nonzero(self.node >= 0)[0]
        found: list[int] = on_road[self.forms.over[self.node[on_road]]].tolist()
        return found

    def is_settled(self, slots: Column) -> Column:
        """Whether all of ours was seen to leave."""
        found: Column = (self.node[slots] < 0) | self._all_copied(slots)
        return found

    def _all_copied(self, slots: Column) -> Column:
        sent = self.forms.sent[np.maximum(self.node[slots], 0)]
        missing = (self._copied_at[slots] == 0) & (np.arange(PACKETS) < sent[:, None])
        found: Column = ~missing.any(axis=1)
        return found

    def is_quick(self, slots: Column) -> Column:
        """Whether the exchanges, complete and settled, took so little time that their form says what they are."""
        heard = self.forms.heard[self.node[slots]]
        last = self._heard_at[slots, heard - 1]
        found: Column = last - self._copied_at[slots, 0] <= QUICK
        return found

    def manners(self, slots: Column) -> Column:
        """In which manner each came to where it is."""
        answered = self._heard_at[slots, 0]
        client = np.where(self.forms.sent[self.node[slots]] > 1, self._copied_at[slots, 1] - answered, 0)
        return manner(answered - self._copied_at[slots, 0], client, self._sent_stamp[slots])

    def spans(self, slots: Column, span: Span) -> Column:
        """How long that stretch took in each of these exchanges, ns."""
        found: Column = self._heard_at[slots, span.heard] - self._copied_at[slots, span.sent]
        return found

    def began(self, slots: Column) -> Column:
        """When the SYN of each left."""
        found: Column = self._copied_at[slots, 0]
        return found

    def past(self, slot: int) -> Past:
        """All that has passed of the exchange in that slot, which from now on is a session's."""
        node = self.forms.nodes[int(self.node[slot])]
        self.node[slot] = ASTRAY
        self.parked[slot] = False
        sent = [
            (int(self._sent_at[slot, nth]), self._sent[slot, nth, : self._sent_length[slot, nth]].tobytes())
            for nth in range(node.sent)
        ]
        heard = [
            (
                int(self._heard_at[slot, nth]),
                self._heard[slot, nth, : self._heard_length[slot, nth]].tobytes(),
                bool(self._heard_offloaded[slot, nth]),
            )
            for nth in range(node.heard)
        ]
        return Past(sent, self._copied_at[slot, : node.sent].tolist(), heard)
