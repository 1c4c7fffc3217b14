"""Many exchanges with one server, on real sockets: from what is asked for to a run that is ready to go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from rawshake.api.crafting import Crafting, syn_options
from rawshake.api.live import random_number
from rawshake.ending import outcome_of
from rawshake.endpoint import Endpoint, Want
from rawshake.many.run import Order, Run
from rawshake.net import craft
from rawshake.net.route import first_route, largest_segment, resolve
from rawshake.net.volley import Volley
from rawshake.permitted import require_permitted
from rawshake.profile import Profile
from rawshake.rules import book
from rawshake.tcp.decode import decode
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End

#: How many ports are guarded, unless there are fewer exchanges: so many for each that is under way, and so many at
#: least. Each is used again once all others were, which leaves the server time to forget the connection before.
PORTS_PER_JOB: Final = 4
FEWEST_PORTS: Final = 256


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that has sent nothing yet, and the ports that it will use."""

    run: Run
    volley: Volley


@contextmanager
def many(host: str, port: int, crafting: Crafting, order: Order, *, asking: str) -> Iterator[Ready]:
    """Guard the ports and open the capture; closes all that again.

    ``asking`` names what asks for many. Raises ``Failure`` before anything is sent: NOT_PERMITTED, or where the
    machine or the address does not allow it.
    """
    targets = resolve(host, family=crafting.family)
    require_permitted(host, (one.address for one in targets), asking, allowed=crafting.allowed)
    target, route = first_route(targets, interface=crafting.interface, source=crafting.source)
    count = min(order.count, max(FEWEST_PORTS, PORTS_PER_JOB * order.jobs))
    volley = Volley(
        route.source,
        target.address,
        port,
        count,
        index=route.index,
        scope=target.scope,
        interface=crafting.interface,
    )
    with volley:
        mss = largest_segment(route.mtu, v6=":" in target.address)
        profile = Profile(
            isn=Seq(0),  # each exchange has its own
            window=crafting.window,
            options=syn_options(crafting, mss=mss, now=volley.now()),
            mss=mss,
            ttl=crafting.ttl,
            ecn=crafting.ecn,
            timeout=crafting.timeout,
            retries=crafting.retries,
        )
        keys = np.array([random_number() for _ in volley.ports], np.int64)
        syn = _syn(volley, profile)
        built = decode(syn)
        stamps = built.timestamps if isinstance(built, Segment) and crafting.options is not None else None
        run = Run(
            volley,
            order,
            profile,
            book(),
            syn=syn,
            keys=keys,
            name=outcome_of,
            tsval=stamps and stamps[0],
        )
        yield Ready(run, volley)


def _syn(volley: Volley, profile: Profile) -> bytes:
    """The SYN from which all others are made, as an endpoint wants it and Scapy builds it."""
    tracker = Tracker((volley.source, volley.ports[0]), (volley.target, volley.dport))
    endpoint = Endpoint(tracker, End.CLIENT, profile)
    endpoint.want = Want.OPEN
    outgoing = endpoint.poll(volley.now())
    assert outgoing is not None
    return craft.build(outgoing.segment)
