"""A rule's page in a page: its clauses, its words and both kinds of example, once for each rule that is named."""

from __future__ import annotations

import pytest

from rawshake.html.rulebook import names, sections
from rawshake.html.shell import fragment
from rawshake.rules import book
from rawshake.rules.model import Rule
from tests.html.drawn import parsed

#: One of each scope, and one that is shown several connections.
SOME = ["synack-ack-is-isn-plus-1", "abort-rst-seq", "isn-differs-across-tuples"]


def test_each_rule_has_one_section_in_the_order_of_the_book() -> None:
    found = [one.rule.id for one in sections([*reversed(SOME), SOME[0], "no-such-rule"])]
    assert sorted(found) == sorted(SOME)
    order = [rule.id for rule in book()]
    assert found == sorted(found, key=order.index)
    assert sections(["no-such-rule"]) == ()


@pytest.mark.parametrize("rule", book(), ids=lambda rule: rule.id)
def test_every_page_can_be_shown_with_an_example_that_fires_and_one_that_does_not(rule: Rule) -> None:
    (section,) = sections([rule.id])
    assert [example.fires for example in section.examples] == [True, False]
    for example in section.examples:
        assert example.ladders
        for ladder in example.ladders:
            parsed(ladder)
    assert "pill" in "".join(section.examples[0].ladders)
    assert section.prose


def test_clauses_lead_to_the_documents() -> None:
    (section,) = sections(["synack-ack-is-isn-plus-1"])
    assert section.clauses[0] == (
        "RFC 9293 3.10.7.2",
        "https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.2",
    )


def test_what_was_in_force_is_listed_by_chapter() -> None:
    found = dict(names([rule.id for rule in book()]))
    assert [rule for rules in found.values() for rule in rules] == list(book())
    assert all(rule.chapter == chapter for chapter, rules in found.items() for rule in rules)
    assert names([]) == ()


def test_the_template_has_the_ids_that_links_lead_to() -> None:
    text = fragment(
        "exchange.html", **context(sections=sections(SOME[:1]), rules=names([rule.id for rule in book()]))
    )
    assert 'id="rule-synack-ack-is-isn-plus-1"' in text
    assert text.count("<li><code>") == len(book())


def context(**changes: object) -> dict[str, object]:
    """What the page of no exchange is given."""
    usual: dict[str, object] = {
        "title": "t", "version": "0", "policy": "", "styles": "", "early": "", "module": "", "data": {},
        "packed": [], "shown": [], "bodies": [], "script": None, "places": {},
    }  # fmt: skip
    return usual | changes
