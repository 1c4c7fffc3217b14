"""Every label of RFC 9293: which requirement it is, or why no wire shows it; and which probes are of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rawshake.probes.model import Probe

#: LABEL... | SECTION | ids of requirements, or why there is none: a sentence has a space before its first hyphen.
_TEXT: Final = """
MUST-1 REC-1 | 3.1 | window-treated-unsigned
MUST-2 | 3.1 | checksum-sent-valid
MUST-3 | 3.1 | checksum-bad-segment-dropped
MUST-4 | 3.1 | option-layout-wellformed options-unaligned-parsed send-mss-respected
MUST-5 | 3.1 | option-accepted-on-any-segment
MUST-6 | 3.1 | unknown-option-ignored
MUST-7 | 3.1 | illegal-option-length-survived
MUST-8 | 3.4.1 | isn-clock-same-tuple
MUST-9 | 3.4.1 | isn-differs-across-tuples
MUST-10 | 3.5 | simultaneous-open
MUST-11 | 3.5 | synrcvd-rst-returns-to-listen
MUST-12 | 3.6 | between application and TCP
MUST-13 | 3.6.1 | timewait-2msl
MUST-14 | 3.7.1 | mss-option-on-syn
MUST-15 | 3.7.1 | send-mss-default
MUST-16 | 3.7.1 | send-mss-respected
MUST-17 | 3.7.4 | between application and TCP
MUST-18 | 3.8.1 | data-rto-backoff no-early-retransmit
MUST-19 | 3.8.2 | syn-backoff data-rto-backoff initial-window-bounded
MUST-20 | 3.8.3 | data-rto-backoff
MUST-21 | 3.8.3 | between application and TCP
MUST-22 | 3.8.3 | syn-backoff
MUST-23 | 3.8.3 | syn-r2-three-minutes
MUST-24 MUST-27 | 3.8.4 | between application and TCP
MUST-25 MUST-26 MUST-28 MUST-29 | 3.8.4 | keepalive-form
MUST-30 MUST-31 MUST-62 | 3.8.5 | urgent-pointer-semantics
MUST-32 MUST-33 | 3.8.5 | between application and TCP
MUST-34 | 3.8.6 | sender-survives-shrink
MUST-35 | 3.8.6 | zero-window-probed
MUST-36 MUST-37 | 3.8.6.1 | zero-window-probed
MUST-38 | 3.8.6.2.1 | sender-sws-avoided
MUST-39 | 3.8.6.2.2 | receiver-sws-avoided
MUST-40 | 3.8.6.3 | delayed-ack-under-500ms
MUST-41 | 3.9.1.1 | between application and TCP
MUST-42 | 3.9.1.1 | listen-serves-while-half-open
MUST-43 MUST-44 MUST-46 | 3.9.1.1 | inside the host
MUST-45 | 3.9.1.1 | true by the definition of a connection
MUST-47 MUST-48 | 3.9.1.8 | between application and TCP
MUST-49 | 3.9.2 | between application and TCP
MUST-50 | 3.9.2 | IP options are not sent
MUST-51 MUST-52 MUST-53 | 3.9.2.1 | source routing is not run on today's networks
MUST-54 MUST-55 MUST-56 | 3.9.2.2 | icmp-soft-error-survived
MUST-57 MUST-63 | 3.9.2.3 | syn-bad-addresses-ignored
MUST-58 MUST-59 | 3.10.7.4 | out-of-order-queued one-ack-per-segment
MUST-60 MUST-61 | 3.9.1.2 | psh-on-last-segment
MUST-64 | 3.2 | options-unaligned-parsed
MUST-65 | 3.2 | mss-option-only-on-syn
MUST-66 | 3.4 | rst-honoured-at-zero-window
MUST-67 | 3.7.1 | mss-value-from-mtu
MUST-68 MUST-69 | 3.1 | option-layout-wellformed
SHLD-1 | 3.4.1 | isn-differs-across-tuples
SHLD-2 | 3.5.3 | rst-exact-resets
SHLD-3 | 3.6.1 | half-duplex-close-rst close-with-unread-data-rst
SHLD-4 | 3.6.1 | timewait-timestamps
SHLD-5 | 3.7.1 | mss-option-on-syn
SHLD-6 | 3.7.3 | inside the host
SHLD-7 | 3.7.4 | nagle-coalesces
SHLD-8 | 3.8.2 | ecn-synack-only-after-setup-syn
SHLD-9 | 3.8.3 | between application and TCP
SHLD-10 SHLD-11 | 3.8.3 | data-rto-backoff
SHLD-12 | 3.8.4 | keepalive-form
SHLD-13 | 3.8.5 | the application's choice
SHLD-14 | 3.8.6 | window-not-shrunk
SHLD-15 SHLD-16 SHLD-17 | 3.8.6 | sender-survives-shrink
SHLD-18 SHLD-19 | 3.8.6.3 | ack-every-second-segment
SHLD-20 SHLD-21 SHLD-22 SHLD-23 SHLD-24 | 3.9.2 | inside the host
SHLD-25 | 3.9.2.2 | between application and TCP
SHLD-26 | 3.9.2.2 | icmp-hard-error-aborts
SHLD-27 SHLD-28 | 3.9.1.2 | nagle-coalesces
SHLD-29 SHLD-30 | 3.8.6.1 | zero-window-probed
SHLD-31 | 3.10.7.4 | out-of-order-queued
MAY-1 | 3.6.1 | half-close-supported half-duplex-close-rst
MAY-2 | 3.6.1 | timewait-syn-reopen
MAY-3 | 3.7.1 | mss-option-on-syn
MAY-4 | 3.8.1 | a permission that nothing can break
MAY-5 MAY-6 | 3.8.4 | keepalive-form
MAY-7 | 3.8.6 | a permission that nothing can break
MAY-8 | 3.8.6.1 | a permission that nothing can break
MAY-9 MAY-14 MAY-15 MAY-16 MAY-17 | 3.9.1 | between application and TCP
MAY-10 MAY-11 | 3.9.2 | IP options are not sent
MAY-12 | 3.10.7.4 | old-ack-rejected
MAY-13 | 3.10.7.4 | out-of-order-dup-ack
MAY-18 | 3.8.2 | a permission that nothing can break
"""


@dataclass(frozen=True, slots=True)
class Label:
    """One label: the ids of its requirements, or ``reason`` why nothing is to be tested."""

    name: str
    section: str
    requirements: tuple[str, ...]
    reason: str


def _read() -> tuple[Label, ...]:
    found = []
    for line in _TEXT.strip().splitlines():
        names, section, text = (part.strip() for part in line.split("|"))
        words = text.split()
        ids = tuple(words) if all("-" in word for word in words) else ()
        found += [Label(name, section, ids, "" if ids else text) for name in names.split()]
    return tuple(sorted(found, key=lambda label: _order(label.name)))


def _order(name: str) -> tuple[int, int]:
    kind, _, number = name.partition("-")
    return ("MUST", "REC", "SHLD", "MAY").index(kind), int(number)


LABELS: Final = _read()


def covering(label: Label, probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The probes that cite the label, or test one of its requirements."""
    return tuple(
        probe
        for probe in probes
        if any(one.document == "RFC 9293" and one.label == label.name for one in probe.citations)
        or set(probe.rules) & set(label.requirements)
    )


class Cover(Enum):
    """Who sees to a label."""

    PROBES = "covered by probes"
    RULES = "by the rule book"
    NOTHING = "not covered"
    UNSEEN = "not on the wire"

    def __str__(self) -> str:
        return self.value


def cover(label: Label, probes: Iterable[Probe], rules: Collection[str]) -> tuple[Cover, tuple[str, ...]]:
    """Who sees to it: ids of probes, else of those of its requirements that are ``rules``, else of requirements."""
    found = tuple(probe.id for probe in covering(label, probes))
    if found:
        return Cover.PROBES, found
    judged = tuple(name for name in label.requirements if name in rules)
    if judged:
        return Cover.RULES, judged
    return (Cover.NOTHING, label.requirements) if label.requirements else (Cover.UNSEEN, ())
