"""Compares what is expected of the server with what its own kernel says, segment by segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rawshake.cli.live import Live, finish
from rawshake.cli.output import render_options, to_stdout
from rawshake.ending import outcome_of
from rawshake.errors import Exit, Failure
from rawshake.net.lab.control import Control
from rawshake.net.lab.kernel import KernelSocket
from rawshake.profile import SECOND
from rawshake.render import style
from rawshake.tcp.state import State
from rawshake.tcp.view import Ends, Step

#: How long a segment may take to the server, on the same machine, in ns: after that it is a difference.
ARRIVAL: Final = SECOND


@dataclass(slots=True)
class Witness:
    """Asks the kernel after each step of a session; the lab's servers must be held meanwhile.

    Raises ``Failure`` with LAB_IMPOSSIBLE where the kernel tells nobody about its sockets.
    """

    control: Control
    live: Live
    compared: int = field(default=0, init=False)
    agreed: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.control.listener(self.live.session.tracker.server).state is not State.LISTEN:
            raise Failure(
                Exit.LAB_IMPOSSIBLE,
                "This kernel does not tell the state of its TCP sockets: inet_diag is missing.",
                "Load it: sudo modprobe tcp_diag.",
            )
        self.live.session.on_step = self.compare

    def compare(self, step: Step) -> None:
        """Wait until what is on its way has arrived, and remark whether the kernel is where it should be."""
        tracker = self.live.session.tracker
        kernel = self.control.await_socket(
            tracker.server, tracker.client, lambda found: not difference(step.after, found), within=ARRIVAL
        )
        found = difference(step.after, kernel)
        self.compared += 1
        self.agreed += not found
        verbose = self.live.printer.output.verbose > 0
        self.live.session.remark(f"kernel: {found or agreement(step.after, kernel, verbose=verbose)}")

    def conclude(self) -> int:
        """Print the verdict, and how often both agreed; the exit status."""
        self.live.session.on_step = lambda step: None
        status = finish(self.live, *outcome_of(self.live.session), linger=0)
        agree = self.agreed == self.compared > 0
        output = self.live.printer.output
        if not output.silent:
            verdict = f"expected and kernel agree: {self.agreed} of {self.compared}"
            colour = style.BOLD_GREEN if agree else style.BOLD_RED
            painted = style.paint([style.Span(verdict, colour)], colour=render_options(output).colour)
            to_stdout(f"{painted}\n")
        return status if agree or status is not Exit.OK else Exit.DISAGREE


def numbers(ends: Ends, kernel: KernelSocket) -> tuple[tuple[str, str, int, int], ...]:
    """RCV.NXT and SND.UNA of the server: name, ISN's letter in a ladder, and how far from that ISN.

    The kernel's distance comes before the expected one. Empty in the states in which the kernel keeps no count.
    """
    server, client = ends.server, ends.client
    if kernel.received is None or kernel.acknowledged is None or client.iss is None or server.iss is None:
        return ()
    # Before anything is said after the SYNs each number is one past its SYN's.
    received = 1 if server.rcv_nxt is None else server.rcv_nxt - client.iss
    acknowledged = 1 if server.una is None else server.una - server.iss
    return ("RCV.NXT", "a", 1 + kernel.received, received), (
        "SND.UNA",
        "b",
        1 + kernel.acknowledged,
        acknowledged,
    )


def difference(ends: Ends, kernel: KernelSocket) -> str:
    """How the kernel's end differs from the server's as it is expected; empty where it does not."""
    expected = ends.server.expected or State.CLOSED
    if kernel.state is not expected:
        return f"{kernel.state} ≠ expected {expected}"
    for name, isn, theirs, ours in numbers(ends, kernel):
        if theirs != ours:
            return f"{kernel.state} as expected, but {name} {isn}+{theirs} ≠ expected {isn}+{ours}"
    return ""


def agreement(ends: Ends, kernel: KernelSocket, *, verbose: bool) -> str:
    """What both say."""
    said = [f"{kernel.state} = expected {ends.server.expected or State.CLOSED}"]
    if verbose:
        said += [f"{name} {isn}+{theirs}" for name, isn, theirs, _ours in numbers(ends, kernel)]
    return ", ".join(said)
