"""``rawshake rules`` and ``rawshake explain``: the whole book, and a page of it."""

from __future__ import annotations

import json

import pytest

from rawshake.errors import Exit
from rawshake.rules import book, chapters
from tests.command import rawshake

PLAIN = {"COLUMNS": "80"}


def test_every_rule_is_listed_under_its_chapter() -> None:
    done = rawshake("rules", env=PLAIN)
    assert (done.status, done.err) == (Exit.OK, "")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line in chapters()] == list(chapters())
    named = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert named == [rule.id for chapter in chapters() for rule in book() if rule.chapter == chapter]


def test_one_chapter() -> None:
    done = rawshake("rules", "--chapter", "close", env=PLAIN)
    assert done.out.startswith("close\n  fin-is-final  MUST*  RFC 9293 3.10.4, 3.6\n    A FIN has one number")
    assert "reset" not in done.out.splitlines()


def test_the_book_as_json() -> None:
    told = json.loads(rawshake("rules", "--json").out)
    assert [one["id"] for one in told] == [rule.id for rule in book()]
    (one,) = [one for one in told if one["id"] == "checksum-sent-valid"]
    assert one["citations"] == [{"document": "RFC 9293", "section": "3.1", "label": "MUST-2"}]
    assert (one["level"], one["when_broken"], one["scope"]) == ("MUST", "FAIL", "step")


def test_a_page_with_both_examples() -> None:
    done = rawshake("explain", "synack-ack-is-isn-plus-1", env=PLAIN)
    assert (done.status, done.err) == (Exit.OK, "")
    assert done.out.startswith("synack-ack-is-isn-plus-1\n")
    assert "\nclause    RFC 9293 3.10.7.2, 3.5\n" in done.out
    broken, kept = done.out.index("\nBroken"), done.out.index("\nKept")
    assert "FAIL ack 1000" in done.out[broken:kept]
    assert "FAIL" not in done.out[kept:]
    assert "PASS ack 1001 = ISN 1000 + 1" in " ".join(done.out[kept:].split())


def test_ascii_only() -> None:
    assert rawshake("explain", "fin-is-final", "--ascii").out.isascii()
    assert rawshake("rules", "--ascii").out.isascii()


def test_more_examples_are_shown_when_asked_for() -> None:
    little, all_of_it = rawshake("explain", "fin-is-final").out, rawshake("explain", "fin-is-final", "-v").out
    assert little.count("\nBroken") == 1
    assert all_of_it.count("\nBroken") > 1
    assert "more examples with -v." in little
    assert "with -v." not in all_of_it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "synack-ack-is-isn"), "Did you mean 'rawshake explain synack-ack-is-isn-plus-1'?"),
        (("explain", "reset"), "See 'rawshake rules --chapter reset'."),
        (("explain", "xyzzy"), "See 'rawshake rules'."),
        (("explain",), "RULE"),
        (("rules", "--chapter", "rest"), "Did you mean 'reset'?"),
        (("rules", "--chapter", "xyzzy"), "The chapters are header, options"),
    ],
)
def test_a_mistake_is_told_with_what_is_near(arguments: tuple[str, ...], said: str) -> None:
    done = rawshake(*arguments)
    assert (done.status, done.out) == (Exit.USAGE, "")
    assert said in done.err
