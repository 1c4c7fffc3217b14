"""Many connections, one after the other: none may fail, leave anything behind, or draw a RST of our kernel."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

from rawshake.api.client import connect
from rawshake.api.closing import How, close
from rawshake.net.lab.command import run_function
from rawshake.net.lab.namespaces import Lab
from rawshake.net.wire import Wire
from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.rules import book
from rawshake.rules.model import Verdict
from rawshake.session import Session
from rawshake.tcp.notation import pattern
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End

#: Server and way to close it, in turns; numbers that wrap among the ISNs.
WAYS: Final = (
    ("echo", How.FIN), ("closes-on-eof", How.FIN), ("banner", How.FIN), ("sends-bulk", How.HALF),
    ("closes-first", How.SIMULTANEOUS), ("answers-after-eof", How.HALF), ("echo", How.RST),
)  # fmt: skip
ISNS: Final = (1, 4294967290, 4294967295)
#: Octets each way, and what is done to their segments on our own side, in turns.
MANY: Final = 10_000_000
HARMS: Final = (
    {"drop": "5%", "reorder": "5%"},
    {"drop": "2%", "duplicate": "2%", "reorder": "2%", "delay": "2%=10ms", "corrupt": "2%"},
    {"reorder": "20%", "delay": "1%=50ms"},
)
WANTED: Final = {How.RST: Outcome.RESET_BY_US}


def exchanges(lab: Lab, times: int) -> Iterator[tuple[str, str]]:
    """One connection after another; what was wrong with each, empty if nothing."""
    rules = book()
    turns = zip(cycle(WAYS), cycle(ISNS), cycle(lab.addresses), strict=False)
    for (server, how), isn, address in islice(turns, times):
        source = lab.client4 if address == lab.address4 else lab.client6
        assert source is not None
        with Wire(source, 0, address, lab.ports[server]) as wire:
            tracker = Tracker((wire.source, wire.sport), (wire.target, wire.dport))
            session = Session(wire, tracker, Profile(isn=Seq(isn)), rules)
            session.connect(b"" if how is How.SIMULTANEOUS else b"some text")
            outcome, detail = close(session, how, 10 * SECOND)
            exchange = session.exchange(outcome, detail)
        wrong = [f"{ruling.rule}: {ruling.sentence}" for ruling in exchange.findings]
        if outcome is not WANTED.get(how, Outcome.CLOSED):
            wrong.append(f"{outcome.value} {detail}")
        if session.firewalled:
            wrong.append(session.firewalled)
        resets = sum(s.segment.rst and s.sender is End.CLIENT for s in exchange.steps)
        if resets != (how is How.RST):
            wrong.append(f"{resets} resets in our name")
        yield f"{server} {how}", "; ".join(wrong)


def soak(lab: Lab, times: int) -> int:
    """Run, count, and tell what differs afterwards."""
    began = time.monotonic()
    list(exchanges(lab, len(WAYS)))  # what is loaded at the first use stays
    before = resources(lab)
    wrong = Counter(found for found in exchanges(lab, times) if found[1])
    after = resources(lab)
    took = time.monotonic() - began
    print(f"{times} connections in {took:.1f} s: {times - wrong.total()} went well, {wrong.total()} did not")
    for (way, text), count in wrong.most_common():
        print(f"  {count} x {way}: {text}")
    for what, count in after.items():
        if count > before[what]:
            print(f"  {what}: {before[what]} before, {count} after")
    return int(bool(wrong) or any(count > before[what] for what, count in after.items()))


def resources(lab: Lab) -> dict[str, int]:
    """Open files, objects in hundreds of thousands, and connections that the server's kernel has."""
    gc.collect()
    census = lab.control.census()
    left = sum(count for state, count in census.items() if state not in (State.LISTEN, State.TIME_WAIT))
    return {
        "open files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "objects, in 100,000": len(gc.get_objects()) // 100_000,
        "connections at the server": left,
    }


def rough(lab: Lab, times: int) -> int:
    """Ten million octets there and back, again and again, with segments harmed on our own side by other chance."""
    sent = pattern(1, MANY)
    bad = 0
    for seed in range(times):
        began = time.monotonic()
        with connect(
            lab.address4,
            lab.ports["echo"],
            timeout=60,
            retries=50,
            sack=True,
            timestamps=True,
            wscale=7,
            window=1 << 20,
            seed=seed,
            **HARMS[seed % len(HARMS)],  # type: ignore[arg-type]
        ) as client:
            client.send(sent)
            same = client.receive(len(sent)) == sent
        took = time.monotonic() - began
        found = [
            f"{one.end} {one.rule}: {one.sentence}"
            for one in client.findings
            if one.verdict is not Verdict.NOTE and not one.ours
        ]
        bad += not same or bool(found)
        print(
            f"seed {seed}: {took:.1f} s, {'all' if same else 'NOT ALL'} there; {'; '.join(found) or 'nothing found'}"
        )
    return int(bool(bad))


def main() -> int:
    """Take what to do, and how often, from the command line."""
    words = sys.argv[1:]
    if words[:1] == ["rough"]:
        return run_function(lambda lab: rough(lab, int(words[1]) if words[1:] else 20))
    return run_function(lambda lab: soak(lab, int(words[0]) if words else 1000))


if __name__ == "__main__":
    sys.exit(main())
