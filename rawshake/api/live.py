"""From an address and what is asked of our segments to a session on real sockets, and to how it came out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rawshake.api.crafting import Crafting, syn_options
from rawshake.ending import outcome_of
from rawshake.net.route import first_route, largest_segment, resolve
from rawshake.net.wire import Wire
from rawshake.permitted import require_permitted
from rawshake.profile import Profile
from rawshake.report import Outcome
from rawshake.rules import book
from rawshake.session import Session
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Call:
    """A session that is ready to send its first segment; ``addresses`` is how many the host's name has."""

    session: Session
    wire: Wire
    addresses: int


@contextmanager
def call(host: str, port: int, crafting: Crafting) -> Iterator[Call]:
    """Guard a port and open the capture for a connection to there; closes all that again.

    Raises Failure before anything is sent where the machine or the address does not allow it; NOT_PERMITTED where
    segments are to be harmed on the way to a host that is in no private or test network.
    """
    targets = resolve(host, family=crafting.family)
    if crafting.harms:
        asking = " and ".join(f"--{name}" for name in crafting.harms)
        require_permitted(host, (one.address for one in targets), asking, allowed=crafting.allowed)
    target, route = first_route(targets, interface=crafting.interface, source=crafting.source)
    wire = Wire(
        route.source, crafting.sport, target.address, port, scope=target.scope, interface=crafting.interface
    )
    with wire:
        mss = largest_segment(route.mtu, v6=":" in target.address)
        profile = Profile(
            isn=Seq(crafting.isn if crafting.isn is not None else random_number()),
            window=crafting.window,
            options=syn_options(crafting, mss=mss, now=wire.now()),
            mss=mss,
            ttl=crafting.ttl,
            ecn=crafting.ecn,
            deviations=crafting.bad,
            timeout=crafting.timeout,
            retries=crafting.retries,
            delayed_ack=crafting.delayed_ack,
        )
        tracker = Tracker((wire.source, wire.sport), (target.address, port))
        session = Session(wire, tracker, profile, book(), impairments=crafting.impairments())
        yield Call(session, wire, len(targets))


def random_number() -> int:
    """Thirty-two random bits: RFC 9293 section 3.4.1 wants an ISN that nobody can guess."""
    import secrets

    return secrets.randbits(32)


def concluded(session: Session) -> tuple[Outcome, str]:
    """The outcome; a connection on which we have given up is reset first, so that no server is left hanging."""
    outcome, detail = outcome_of(session)
    if session.endpoint.gave_up and session.established and not session.closed:
        session.remark("no answer any more: resetting the connection")
        session.abort()
    return outcome, detail
