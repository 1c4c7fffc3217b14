"""From a port and what is asked of our segments to a listener on real sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from rawshake.api.crafting import Crafting, syn_options
from rawshake.api.live import random_number
from rawshake.behaviours import BEHAVIOURS, Behaviour
from rawshake.clients import Address, Limits, Watcher
from rawshake.errors import Exit, Failure
from rawshake.listener import Listener
from rawshake.net.addresses import local_addresses
from rawshake.net.port import Port
from rawshake.net.route import Target, check_source, largest_segment, source_for
from rawshake.profile import Profile
from rawshake.rules import book
from rawshake.tcp.seq import Seq


@dataclass(frozen=True, slots=True)
class Served:
    """A listener that is ready for its first client, and its sockets."""

    listener: Listener
    port: Port


def parse_behaviour(text: str) -> tuple[Behaviour, int]:
    """``NAME`` or ``NAME:N``: a behaviour, and its N. Raises ValueError with a sentence."""
    name, colon, amount = text.partition(":")
    behaviour = BEHAVIOURS.get(name)
    if behaviour is None:
        raise ValueError(f"{name!r} is no behaviour: {', '.join(BEHAVIOURS)}.")
    if not colon:
        return behaviour, behaviour.amount or 0
    if behaviour.amount is None:
        raise ValueError(f"{name!r} takes no number.")
    if not (amount.isascii() and amount.isdecimal() and len(amount) < 16):
        raise ValueError(f"{amount!r} in {text!r} is not a whole number of octets.")
    if int(amount) < behaviour.least:
        raise ValueError(f"{amount!r} in {text!r} is less than {behaviour.least}.")
    return behaviour, int(amount)


@contextmanager
def serving(
    port: int,
    behaviour: Behaviour,
    amount: int,
    crafting: Crafting,
    watcher: Watcher,
    *,
    addresses: Sequence[str] = (),
    limits: Limits | None = None,
) -> Iterator[Served]:
    """Guard the port on ``addresses``, or on all that this machine has, and open the captures; closes them again.

    Raises Failure before any client is answered where the machine does not allow it.
    """
    targets = [_target(address, crafting.family) for address in addresses] or local_addresses(crafting.family)
    if not targets:
        raise Failure(Exit.NO_ROUTE, "This machine has no such address.", "Look at them: ip address.")
    window = crafting.window if behaviour.window is None else behaviour.window
    with Port(targets, port, interface=crafting.interface) as sockets:
        scopes = dict(targets)

        @lru_cache(maxsize=1024)
        def mtu(there: str, here: str) -> int:
            try:
                return source_for(there, scope=scopes.get(here, 0), interface=crafting.interface).mtu
            except Failure:
                return 1500  # it will be told when something is to be sent there

        def profile(there: Address, here: Address) -> Profile:
            mss = largest_segment(mtu(there[0], here[0]), v6=":" in here[0])
            return Profile(
                isn=Seq(crafting.isn if crafting.isn is not None else random_number()),
                window=window,
                options=syn_options(crafting, mss=mss, now=sockets.now()),
                verbatim=crafting.options is not None,
                mss=mss,
                ttl=crafting.ttl,
                ecn=crafting.ecn,
                deviations=crafting.bad,
                timeout=crafting.timeout,
                retries=crafting.retries,
                delayed_ack=crafting.delayed_ack,
            )

        yield Served(
            Listener(
                sockets,
                sockets.port,
                book(),
                behaviour,
                profile,
                watcher,
                amount,
                limits or Limits(),
                # Each client has a chance of its own.
                lambda number: replace(crafting, seed=crafting.seed + number - 1).impairments(),
            ),
            sockets,
        )


def _target(address: str, family: Literal[4, 6] | None) -> Target:
    canonical = check_source(address, asked="address")
    version = 6 if ":" in canonical else 4
    if family not in (None, version):
        raise Failure(
            Exit.USAGE,
            f"{canonical} is an IPv{version} address, and IPv{family} only was asked for.",
            f"Leave one out, or name an IPv{family} address.",
        )
    # 127.0.0.2 is this machine's, too, but in no list.
    return next((one for one in local_addresses() if one.address == canonical), Target(canonical, 0))
