"""A team's file of what is known: read strictly; only what differs from it counts."""

from __future__ import annotations

import pytest

from rawshake.errors import Failure
from rawshake.probes import catalogue
from rawshake.probes.expected import Change, compare, read
from rawshake.probes.result import Result
from rawshake.rules.model import Verdict

FIRST, SECOND, THIRD = catalogue()[:3]
IDS = [probe.id for probe in catalogue()]
PASS, FAIL, NOTE, KNOWN, SKIPPED = Verdict.PASS, Verdict.FAIL, Verdict.NOTE, Verdict.KNOWN, Verdict.SKIPPED


def test_lines_are_read() -> None:
    text = f"# ours\n\n{FIRST.id} = FAIL  # since 2.1\n{SECOND.id}=NOTE\n"
    assert read(text, IDS, name="known") == {FIRST.id: FAIL, SECOND.id: NOTE}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "known, line 2: 'nonsense' is not PROBE = VERDICT."),
        (f"{FIRST.id} = BROKEN", f"known, line 2: '{FIRST.id} = BROKEN' is not PROBE = VERDICT."),
        ("nobody = FAIL", "known, line 2: no probe is called 'nobody'."),
        (f"{FIRST.id} = FAIL\n{FIRST.id} = NOTE", f"known, line 3: '{FIRST.id}' stands there twice."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(line: str, why: str) -> None:
    with pytest.raises(Failure) as raised:
        read(f"#\n{line}\n", IDS, name="known")
    assert raised.value.problem == why


def test_what_is_known_is_no_news() -> None:
    results = [Result(FIRST, FAIL), Result(SECOND, PASS), Result(THIRD, NOTE)]
    told, changes = compare(results, {FIRST.id: FAIL, THIRD.id: NOTE})
    assert [one.verdict for one in told] == [KNOWN, PASS, NOTE]
    assert changes == ()


def test_changes_count_in_both_directions() -> None:
    results = [Result(FIRST, PASS), Result(SECOND, FAIL), Result(THIRD, SKIPPED)]
    told, changes = compare(results, {FIRST.id: FAIL, THIRD.id: FAIL})
    assert [one.verdict for one in told] == [PASS, FAIL, SKIPPED]
    assert changes == (Change(FIRST.id, FAIL, PASS), Change(SECOND.id, None, FAIL))
