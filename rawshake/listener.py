"""A port played by hand: many clients at once over one link, each with a conversation of its own, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final

from rawshake.account import Account
from rawshake.behaviours import Behaviour, Caller
from rawshake.clients import Address, Client, Counts, Key, Limits, Watcher, key_of, reopens
from rawshake.conversation import Conversation
from rawshake.ending import outcome_of
from rawshake.endpoint import Want
from rawshake.errors import Failure
from rawshake.impair import Impairments
from rawshake.judge import CaptureJudge, Ruling
from rawshake.link import Direction, Frame, Link
from rawshake.profile import SECOND, Profile
from rawshake.report import Exchange, Judged, Remark
from rawshake.rules.model import Rule
from rawshake.tcp.decode import IcmpError, decode
from rawshake.tcp.refusal import refusal
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End

#: How many frames are taken before they are answered, and how many SYNs are answered of a round that is full.
ROUND: Final = 1024
ANSWERED: Final = 64
#: How often a run asks whether it is still wanted.
TICK: Final = SECOND // 2
#: So many connections that nobody completes are told in a second, and the others counted.
TOLD_HALF_OPEN: Final = 16
#: How many segments may be judged as a whole in one go.
AT_ONCE: Final = 500
END: Final = object()
#: How long nobody has to make room who is half open, ns.
HALF_OPEN_FOR: Final = SECOND // 10


@dataclass(slots=True)
class Listener:
    """Plays ``port`` over ``link`` by one behaviour: ``amount`` is its N.

    ``profile`` makes how our segments look for a client at the first address that dialled the second, and
    ``impairments`` what is done on our own side to the segments of a client, from its number.
    """

    link: Link
    port: int
    rules: Sequence[Rule]
    behaviour: Behaviour
    profile: Callable[[Address, Address], Profile]
    watcher: Watcher
    amount: int = 0
    limits: Limits = Limits()
    impairments: Callable[[int], Impairments] = lambda number: Impairments()
    on_frame: Callable[[Frame], None] = lambda frame: None
    #: called where nothing is half done; what it raises ends the run
    checkpoint: Callable[[], None] = lambda: None
    counts: Counts = field(default_factory=Counts)
    #: no new client is answered any more
    closing: bool = False
    _clients: dict[Key, Client] = field(default_factory=dict)
    _half_open: OrderedDict[Key, Client] = field(default_factory=OrderedDict)
    _time_wait: OrderedDict[Key, tuple[int, Client]] = field(default_factory=OrderedDict)
    _timers: list[tuple[int, int, Client]] = field(default_factory=list)
    _scheduled: int = 0
    _steps: int = 0
    _answered: int = 0
    #: of those who have gone, what is yet to be said
    _verdicts: deque[Iterator[None]] = field(default_factory=deque)
    _said_at: int = 0
    #: a second, and how many were told in it that nobody completed
    _told_in: tuple[int, int] = (0, 0)
    _capture: CaptureJudge = field(init=False)

    def __post_init__(self) -> None:
        self._capture = CaptureJudge(self.rules)

    @property
    def open(self) -> int:
        """How many clients are there that have not ended."""
        return len(self._clients) - len(self._time_wait)

    # The loop.

    def run(self, done: Callable[[], bool], *, deadline: int | None = None) -> None:
        """Serve until ``done()`` or ``deadline`` (ns)."""
        first: Frame | None = None
        while True:
            self._round(first)
            self.checkpoint()
            now = self.link.now()
            if done() or (deadline is not None and now >= deadline):
                return
            if self._verdicts:
                first = None
                continue
            bounds = (now + TICK, deadline, self._timers[0][0] if self._timers else None)
            first = self.link.receive(min(bound for bound in bounds if bound is not None))

    def close(self, patience: int) -> None:
        """Say goodbye to everyone, within ``patience`` (ns): a FIN to the connected, a RST to all that is left then."""
        self.closing = True
        for client in self._all():
            if client.conversation.me.iss is None:
                self._over(client)  # it was never answered
                continue
            client.serving = None
            want = Want.CLOSE if client.conversation.established else Want.ABORT
            if client.conversation.endpoint.want is not Want.ABORT:
                client.conversation.endpoint.want = want
            self._answer(client, serve=False)
        self.run(lambda: not self.open, deadline=self.link.now() + patience)
        for client in self._all():
            client.conversation.remark("no time left: resetting the connection")
            client.conversation.endpoint.want = Want.ABORT
            self._answer(client, serve=False)
        self.run(lambda: not self.open, deadline=self.link.now() + SECOND // 2)
        for client in self._all():
            self._over(client)
        for verdict in self._verdicts:
            deque(verdict, maxlen=0)
        self._verdicts.clear()

    def _all(self) -> list[Client]:
        return [client for client in self._clients.values() if not client.gone]

    def _round(self, first: Frame | None) -> None:
        frames = [] if first is None else [first]
        drained = 0
        while len(frames) < ROUND:
            drained = self.link.now()
            frame = self.link.receive(drained)
            if frame is None:
                break
            frames.append(frame)
        self._answered = ANSWERED if len(frames) == ROUND else ROUND
        asked: dict[Key, Client] = {}
        shown: dict[Key, Client] = {}
        for frame in frames:
            self._frame(frame, asked, shown)
        for client in asked.values():
            self._answer(client)
        if len(frames) < ROUND:
            for client in self._due(drained):
                asked[client.key] = client
                # Copies of what was sent since then wait to be taken.
                client.conversation.caught_up = drained
                self._answer(client)
        for client in (asked | shown).values():
            self._judge(client)
        # Whoever is served comes first, but not for ever.
        if self._verdicts and (not frames or drained - self._said_at >= SECOND):
            if next(self._verdicts[0], END) is END:
                self._verdicts.popleft()
            self._said_at = self.link.now()

    def _frame(self, frame: Frame, asked: dict[Key, Client], shown: dict[Key, Client]) -> None:
        self.on_frame(frame)
        key, flags = key_of(frame)
        client = self._clients.get(key) if key else None
        if frame.direction is Direction.OUT:
            if client is not None:
                client.conversation.take(frame)
                shown[client.key] = client
            return
        if client is None and flags & 0x17 == Flags.SYN.value and (self.closing or self._answered <= 0):
            self.counts.passed_over += 1
            return
        seen = decode(frame.packet, offloaded=frame.offloaded)
        if isinstance(seen, IcmpError):
            client = self._quoted(seen)
        elif isinstance(seen, Segment) and (client is None or reopens(client, seen)):
            client = self._to_listen(key, seen, client)
        if client is not None:
            client.conversation.take(frame, seen)
            asked[client.key] = client
            if self.behaviour.want is Want.LISTEN:
                client.patience = self.link.now() + client.conversation.profile.timeout

    def _quoted(self, error: IcmpError) -> Client | None:
        quoted = (error.quoted_src, error.quoted_sport), (error.quoted_dst, error.quoted_dport)
        for client in self._clients.values():  # ICMP errors are few
            if (client.conversation.tracker.server, client.conversation.tracker.client) == quoted:
                return client
        return None

    # Clients that come.

    def _to_listen(self, key: Key, segment: Segment, before: Client | None) -> Client | None:
        """What came where there is no connection: RFC 9293 3.10.7.2."""
        if segment.checksum is Checksum.WRONG or segment.rst or segment.dport != self.port:
            return None
        if segment.has_ack:
            self._refuse(segment)
            return None
        if not segment.syn or self.open >= self.limits.open or not self._makes_room():
            self.counts.passed_over += segment.syn
            return None
        self._answered -= 1
        return self._open(key, segment, before)

    def _makes_room(self) -> bool:
        """Whether one more may be half open: the oldest goes, once it has had time to complete."""
        if len(self._half_open) < self.limits.half_open:
            return True
        oldest = next(iter(self._half_open.values()))
        if self.link.now() - oldest.since < HALF_OPEN_FOR:
            return False
        self.counts.forgotten += 1
        self._forget(oldest)
        return True

    def _refuse(self, segment: Segment) -> None:
        if self.behaviour.want is Want.LISTEN:
            return
        flags, seq, _ = refusal(segment)
        self.counts.refused += 1
        reset = Segment(
            src=segment.dst, dst=segment.src, sport=segment.dport, dport=segment.sport, seq=seq, flags=flags
        )
        with suppress(Failure):  # nobody is there who would miss it
            self.link.send(reset)

    def _open(self, key: Key, segment: Segment, before: Client | None) -> Client:
        there, here = (segment.src, segment.sport), (segment.dst, segment.dport)
        profile = self.profile(there, here)
        if before is not None and (nxt := before.conversation.me.nxt) is not None and not profile.isn > nxt:
            # RFC 9293 section 3.4.1: above all that the connection before has used.
            profile = replace(profile, isn=nxt + 1 + (int(profile.isn) & 0xFFFFFF))
        tracker = Tracker(there, here)
        behaviour = self.behaviour
        conversation = Conversation(
            self.link,
            tracker,
            profile,
            self.rules,
            self.impairments(self.counts.clients + 1),
            ours=End.SERVER,
            crossing=behaviour.crossing,
            deaf_to_fin=behaviour.deaf_to_fin,
            most_entries=self.limits.steps,
            most_data=self.limits.data,
        )
        conversation.endpoint.want = behaviour.want
        if before is not None:
            conversation.succeed(before.conversation)
            self._forget(before)
        self.counts.clients += 1
        account = Account(self.counts.clients, tracker)
        client = Client(account.number, key, conversation, account, self.link.now())
        conversation.on_entry = lambda entry: self._told(client, entry)
        self._clients[key] = self._half_open[key] = client
        self.watcher.opened(client)
        return client

    def _told(self, client: Client, entry: Judged | Remark) -> None:
        if client.gone:
            client.conversation.entries.clear()  # in TIME-WAIT: it was told as a whole
            return
        client.account.add(entry)
        self._count(client)
        if self._steps > self.limits.all_steps:
            longest = max(self._all(), key=lambda one: one.kept)
            longest.conversation.forget()
            self._count(longest)
        self.watcher.entry(client, entry)

    def _count(self, client: Client) -> None:
        kept = len(client.conversation.entries)
        self._steps += kept - client.kept
        client.kept = kept

    # What they are answered.

    def _answer(self, client: Client, *, serve: bool = True) -> None:
        conversation = client.conversation
        if conversation.established and client.key in self._half_open:
            del self._half_open[client.key]
            client.serving = self.behaviour.serve(Caller(conversation), self.amount)
        try:
            if serve and client.serving is not None and conversation.established:
                client.wake = next(client.serving, None)
            conversation.flush()
            if conversation.endpoint.gave_up and conversation.established and not conversation.closed:
                if conversation.endpoint.want is not Want.ABORT:
                    conversation.remark("no answer any more: resetting the connection")
                conversation.endpoint.want = Want.ABORT
                conversation.flush()
        except Failure as refused:
            conversation.firewalled = conversation.firewalled or refused.problem
        self._schedule(client)

    def _schedule(self, client: Client) -> None:
        at = client.conversation.next_deadline(client.wake, client.patience)
        if at is not None and (client.scheduled is None or at < client.scheduled):
            client.scheduled = at
            self._scheduled += 1
            heappush(self._timers, (at, self._scheduled, client))

    def _due(self, now: int) -> list[Client]:
        """Whose timers have run out."""
        for key in list(self._time_wait):
            until, client = self._time_wait[key]
            if until > now:
                break
            self._forget(client)
        due = []
        while self._timers and self._timers[0][0] <= now:
            at, _, client = heappop(self._timers)
            if client.scheduled == at and self._clients.get(client.key) is client:
                client.scheduled = None
                due.append(client)
        return due

    def _judge(self, client: Client) -> None:
        conversation = client.conversation
        conversation.judge()
        if client.gone or self._clients.get(client.key) is not client:
            return
        late = client.patience is not None and self.link.now() >= client.patience
        nothing = conversation.endpoint.want is Want.ABORT and conversation.me.iss is None
        failed = late or nothing or bool(conversation.firewalled)
        if (conversation.ended or conversation.closed or failed) and not conversation.untold:
            self._over(client)
        elif client.scheduled is None:
            self._schedule(client)

    # Clients that have gone.

    def _over(self, client: Client) -> None:
        conversation, account = client.conversation, client.account
        conversation.judge(rest=True)
        half_open = self._half_open.pop(client.key, None) is not None
        if half_open and account.unheard and not self._tells_one_more():
            self.counts.forgotten += 1
            conversation.entries.clear()
            self._count(client)
        else:
            self._conclude(client)
        client.gone = True
        client.serving = None
        if conversation.me.expected is State.TIME_WAIT:
            self._time_wait[client.key] = self.link.now() + self.limits.linger, client
            if len(self._time_wait) > self.limits.time_wait:
                self._forget(next(iter(self._time_wait.values()))[1])
        else:
            self._forget(client)

    def _conclude(self, client: Client) -> None:
        """Tell of it once it is judged as a whole; of what takes long one rule a round, since others wait."""
        verdict = self._verdict(client, client.conversation.unjudged(*outcome_of(client.conversation)))
        if client.kept > AT_ONCE:
            self._verdicts.append(verdict)
        else:
            deque(verdict, maxlen=0)
        client.conversation.entries.clear()

    def _verdict(self, client: Client, told: Exchange) -> Iterator[None]:
        conversation, account = client.conversation, client.account
        closing: list[Ruling] = []
        for rulings in conversation.whole(told):
            closing += rulings
            yield
        account.note(closing)
        of_client = [one for one in account.openings(self.link.now()) if one.end is End.CLIENT]
        account.note(self._capture.connection(of_client))
        if conversation.cut:
            account.remarks.append("too long to be judged as a whole: only segment by segment")
        exchange = replace(told, closing=tuple(closing))
        self.watcher.done(client, account.connection(None if conversation.cut else exchange), exchange)
        self._steps -= client.kept
        client.kept = 0

    def _tells_one_more(self) -> bool:
        """Whether one that nobody completed is told; a flood of them is counted."""
        second = self.link.now() // SECOND
        if second != self._told_in[0]:
            self._told_in = second, 0
        self._told_in = second, self._told_in[1] + 1
        return self._told_in[1] <= TOLD_HALF_OPEN

    def _forget(self, client: Client) -> None:
        if not client.gone:
            client.conversation.entries.clear()
            self._count(client)
        client.gone = True
        for table in (self._clients, self._half_open, self._time_wait):
            table.pop(client.key, None)
