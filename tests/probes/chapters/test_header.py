"""What probes on headers warn of, or tell, which no twin shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rawshake.play.rehearse import Reply
from rawshake.probes import select
from rawshake.probes.model import Probe
from rawshake.rules.model import Verdict
from rawshake.tcp import option
from rawshake.tcp.segment import Checksum, Segment
from tests.probes.stack import Stack
from tests.probes.twins import attempt


def the(probe: str) -> Probe:
    (found,) = select([probe])
    return found


def altered(**changes: object) -> Stack:
    return Stack(alter=lambda segment: replace(segment, **changes))  # type: ignore[arg-type]


def test_a_wrong_checksum_is_a_fault_and_one_left_to_hardware_a_note() -> None:
    wrong = attempt(the("sent-headers-well-formed"), altered(checksum=Checksum.WRONG))
    assert (wrong.verdict, wrong.checks[0].field) == (Verdict.FAIL, "checksum")
    left = attempt(the("sent-headers-well-formed"), altered(checksum=Checksum.UNVERIFIABLE))
    assert left.verdict is Verdict.NOTE


def test_an_option_that_overruns_the_header_is_a_fault() -> None:
    overrun = option.parse(b"\x02\x09\x05\xb4")
    found = attempt(the("sent-headers-well-formed"), altered(options=overrun))
    assert (found.verdict, found.checks[-1].field) == (Verdict.FAIL, "header")


class Careless(Stack):
    """Reads a header whatever its data offset."""

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        return super().took(replace(segment, defects=()), now)


def test_an_answer_to_a_header_that_cannot_be_read_is_a_warning() -> None:
    found = attempt(the("unreadable-header-dropped"), Careless())
    assert found.verdict is Verdict.WARN
    assert found.checks[-1].actual == "S. 0:0(0) ack 1 win 8192 <mss 1460>"


class Landed(Stack):
    """Hangs once a SYN comes from an address that cannot be a source."""

    hung = False

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        self.hung = self.hung or not segment.src.startswith("192.0.2.1")
        return () if self.hung else super().took(segment, now)


def test_a_stack_that_hangs_at_an_impossible_source_is_named() -> None:
    assert attempt(the("impossible-source-survived"), Landed()).verdict is Verdict.FAIL


@dataclass
class Whole(Stack):
    """Takes no data at first, as if it came in fragments that get lost or are dropped."""

    drops: int = 0

    def took(self, segment: Segment, now: int) -> Iterable[Reply]:
        if segment.payload_length and self.drops:
            self.drops -= 1
            return ()
        return super().took(segment, now)


def test_fragments_that_are_not_put_together_are_a_warning() -> None:
    found = attempt(the("fragments-put-together"), Whole(drops=2))
    assert (found.verdict, found.checks[-1].actual) == (Verdict.WARN, "silence")
    assert attempt(the("fragments-put-together"), Whole(drops=1)).verdict is Verdict.PASS
