"""Pages of rules: each can be drawn, says what the rule says, and fits."""

from __future__ import annotations

import pytest

from rawshake.render.options import Options
from rawshake.render.page import page, play, rule_table
from rawshake.render.text import columns
from rawshake.rules import book
from rawshake.rules.model import Rule
from rawshake.rules.page import read


@pytest.mark.parametrize("rule", book(), ids=lambda rule: rule.id)
def test_its_examples_fire_and_stay_quiet_as_drawn(rule: Rule) -> None:
    for transcript in read(rule).transcripts:
        findings = [ruling for exchange in play(rule, transcript) for ruling in exchange.findings]
        assert bool(findings) is transcript.fires
        assert {ruling.rule for ruling in findings} <= {rule.id}


@pytest.mark.parametrize("width", [60, 80, 132])
@pytest.mark.parametrize("rule", book(), ids=lambda rule: rule.id)
def test_it_fits_and_says_what_is_wrong(rule: Rule, width: int) -> None:
    text = page(rule, Options(width=width))
    assert max(map(columns, text.splitlines())) <= width
    assert text.startswith(f"{rule.id}\n{rule.summary.split()[0]} ")
    assert text.count("\nBroken") == text.count("\nKept") == 1
    first = next(one for one in read(rule).transcripts if one.fires)
    broken = text[text.index("\nBroken") : text.index("\nKept")]
    for exchange in play(rule, first):
        for ruling in exchange.findings:
            assert f"{ruling.verdict} {ruling.sentence.split()[0]}" in broken


def test_the_table_has_each_rule_once() -> None:
    for width in (60, 80, 132):
        text = rule_table(book(), Options(width=width))
        assert max(map(columns, text.splitlines())) <= width
        heads = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
        assert heads == [rule.id for rule in book()]


def test_colour_changes_no_word() -> None:
    rule = book()[0]
    import re

    coloured = page(rule, Options(colour=True))
    assert coloured != page(rule, Options())
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == page(rule, Options())
