"""Each field of each segment of a clean exchange, changed: the table says what names it, or why nothing does."""

from __future__ import annotations

import pytest

from tests.mutations import at_client, at_tap, computed, exchange, reason, table

FOUND, REASONS = table()


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return computed()


def test_nothing_is_found_in_the_exchange_itself() -> None:
    assert at_tap(exchange()) == []
    assert at_client(exchange()) == []


def test_the_table_is_what_the_rules_say(made: dict[str, str]) -> None:
    other = {name: found for name, found in made.items() if FOUND.get(name) != found}
    assert other == {}, "python -m tests.mutations writes it anew; read the difference"
    assert list(FOUND) == list(made)


def test_whatever_is_silent_has_a_reason_and_each_reason_is_needed() -> None:
    silent = [name for name, found in FOUND.items() if found.split(" | ")[0] == "-"]
    assert [name for name in silent if not reason(name, REASONS)] == []
    needed = {one for name in silent for one in reason(name, REASONS)}
    assert set(REASONS) - needed == set()


def test_every_kind_of_change_is_named_somewhere_or_never_with_a_reason() -> None:
    changed = {name.split(" ", 1)[1] for name in FOUND}
    named = {name.split(" ", 1)[1] for name, found in FOUND.items() if found != "-"}
    harmless = {"flag-PSH", "urgent=1", "content", "unknown added", "window+1", "window-1"}
    harmless |= {"TS twice", "mss twice", "sackOK twice", "wscale twice", "mss left out", "sackOK left out"}
    assert changed - named == harmless
