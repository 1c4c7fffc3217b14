"""What this machine allows: privileges, the guard, the capture ring, and the local firewall; each tried out."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from rawshake.errors import Failure
from rawshake.net.guard import Guard, Means
from rawshake.net.privilege import raw_sockets_allowed

# linux/if_packet.h; struct tpacket_req3: block size, blocks, frame size, frames, timeout, private, features.
_SOL_PACKET: Final = 263
_PACKET_RX_RING: Final = 5
_PACKET_VERSION: Final = 10
_TPACKET_V3: Final = 2
_BLOCK: Final = 1 << 16
_FRAME: Final = 1 << 11
_REQUEST: Final = struct.pack("7I", _BLOCK, 1, _FRAME, _BLOCK // _FRAME, 10, 0, 0)


#: linux/netfilter.h: the hooks that what we send and receive passes.
_HOOKS: Final = {0: "prerouting", 1: "input", 3: "output", 4: "postrouting"}


class Answer(Enum):
    """Whether something can be had here."""

    YES = "yes"
    NO = "no"
    NONE = "none"
    FOUND = "found"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, whether it can be had, and what follows."""

    name: str
    answer: Answer
    text: str
    next_step: str = ""


def raw_sockets() -> Finding:
    """Whether segments can be made and captured here: CAP_NET_RAW."""
    if raw_sockets_allowed():
        return Finding("raw sockets", Answer.YES, "CAP_NET_RAW is there.")
    if os.geteuid() == 0:
        return Finding(
            "raw sockets",
            Answer.NO,
            "This container has not CAP_NET_RAW.",
            "Start it with --cap-add NET_RAW.",
        )
    return Finding("raw sockets", Answer.NO, "They are root's (CAP_NET_RAW).", "Run it through sudo.")


def guard() -> Finding:
    """Whether the kernel can be kept from resetting what it does not know, and by which means."""
    allowed = []
    for means in Means:
        with suppress(Failure, OSError), Guard("127.0.0.1", means=[means]):
            allowed.append(means.value)
    if allowed:
        return Finding(
            "guard", Answer.YES, f"A deaf listener keeps the kernel's RST away, by {' or by '.join(allowed)}."
        )
    return Finding(
        "guard",
        Answer.NO,
        "Nothing keeps the kernel from resetting our connections.",
        "In a container: start it with --cap-add NET_ADMIN.",
    )


def ring() -> Finding:
    """Whether the kernel can hand frames over in shared memory: TPACKET_V3, which fast captures use."""
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as capture:
            capture.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
            capture.setsockopt(_SOL_PACKET, _PACKET_RX_RING, _REQUEST)
    except PermissionError:
        return Finding("capture ring", Answer.UNKNOWN, "That cannot be tried without CAP_NET_RAW.")
    except OSError as refused:
        return Finding("capture ring", Answer.NO, f"{refused.strerror}; frames are read one by one.")
    return Finding("capture ring", Answer.YES, "TPACKET_V3 is there.")


@contextmanager
def listening(address: str) -> Iterator[int]:
    """A kernel's server on a loopback address, which never accepts; its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((address, 0))
        server.listen(1)
        yield server.getsockname()[1]


def firewall() -> Finding:
    """Which rules of this machine's own may drop or reset segments on their way out or in."""
    legacy = [name for name in ("ip", "ip6") if _lines(f"/proc/net/{name}_tables_names")]
    try:
        chains = list(_suspicious_chains())
    except OSError as refused:
        if not legacy:
            text = f"It cannot be looked into: {refused.strerror or refused}."
            return Finding("local firewall", Answer.UNKNOWN, text)
        chains = []
    chains += [f"the {name}tables of old" for name in legacy]
    if not chains:
        return Finding("local firewall", Answer.NONE, "No chain filters what comes or goes.")
    return Finding(
        "local firewall",
        Answer.FOUND,
        f"{'; '.join(chains)}. A rule such as 'ct state invalid drop' hits segments made by hand.",
        "A segment that it takes is told apart from the server's doing; see 'nft list ruleset'.",
    )


def _lines(path: str) -> list[str]:
    with suppress(OSError):
        return Path(path).read_text().split()
    return []


def _suspicious_chains() -> Iterator[str]:
    """The chains of nftables that may drop what comes in or goes out, in words (nft(8))."""
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.nftables.main import NFTables

    try:
        with NFTables(nfgen_family=socket.AF_UNSPEC) as tables:
            for message in tables.get_chains():
                words = _chain(dict(message["attrs"]))
                if words:
                    yield words
    except NetlinkError as refused:
        raise OSError(refused.code, os.strerror(refused.code)) from refused


def _chain(chain: dict[str, Any]) -> str:
    hook = dict(chain["NFTA_CHAIN_HOOK"]["attrs"]) if "NFTA_CHAIN_HOOK" in chain else {}
    where = _HOOKS.get(hook.get("NFTA_HOOK_HOOKNUM", -1))
    drops, rules = chain.get("NFTA_CHAIN_POLICY") == 0, chain.get("NFTA_CHAIN_USE", 0)
    if where is None or chain.get("NFTA_CHAIN_TYPE") != "filter" or not (drops or rules):
        return ""
    policy = "drop" if drops else "accept"
    count = f"{rules} {'rule' if rules == 1 else 'rules'}"
    return (
        f"nftables {chain['NFTA_CHAIN_TABLE']} {chain['NFTA_CHAIN_NAME']} ({where}, {count}, policy {policy})"
    )
