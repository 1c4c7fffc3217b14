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

from rawshake.api.closing import How, close
from rawshake.net.lab.command import run_function
from rawshake.net.lab.namespaces import Lab
from rawshake.net.wire import Wire
from rawshake.profile import SECOND, Profile
from rawshake.report import Outcome
from rawshake.rules import book
from rawshake.session import Session
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


def main() -> int:
    """Take the number of connections from the command line."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    return run_function(lambda lab: soak(lab, times))


if __name__ == "__main__":
    sys.exit(main())
