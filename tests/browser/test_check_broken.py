"""Each check of the page of check fails with a page that is broken where it looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import TimeoutError as NeverCame

from tests.browser.breaking import broken
from tests.browser.checked import (
    Check,
    answer_time,
    filters_by_findings,
    filters_by_words,
    leads_from_a_finding_to_its_connection,
    leads_from_a_finding_to_its_rule,
    lists_all,
    opens_by_keyboard,
    opens_each_with_its_ladder,
    rows,
    saves_its_report,
    sorts,
)
from tests.browser.conftest import Reader
from tests.browser.test_check import few, few_page

TABLE, ROWS = "check.js", "connections.js"


@pytest.mark.parametrize(
    ("asset", "right", "wrong", "check"),
    [
        (TABLE, "shown.page * count", "shown.page * count + 1", lists_all),
        (TABLE, "unpack(kind, number)", "unpack(kind, 0)", opens_each_with_its_ladder),
        (TABLE, "enliven(picture);", "", opens_each_with_its_ladder),
        (TABLE, '"click", toggle)', '"mousedown", toggle)', opens_by_keyboard),
        (ROWS, "String(client.port) === word", "false", filters_by_words),
        (TABLE, '"reset", ', '"unset", ', filters_by_words),
        (ROWS, "findings.length === 0", "findings.length > 0", filters_by_findings),
        (ROWS, "connection.segments,", "-connection.segments,", sorts),
        (TABLE, "? \"descending\" : \"ascending\"", "? \"ascending\" : \"descending\"", sorts),
        (TABLE, "if (!row) return;", "return;", leads_from_a_finding_to_its_connection),
        ("base.js", "new Blob([text]", "new Blob([text.replace('\"number\":', '\"other\":')]", saves_its_report),
    ],
)  # fmt: skip
def test_it_is_found(
    anyone: Reader, monkeypatch: pytest.MonkeyPatch, asset: str, right: str, wrong: str, check: Check
) -> None:
    anyone.patience = 1_000
    page = anyone.opens(broken(monkeypatch, asset, right, wrong, few_page))
    rows(page).first.wait_for()
    with pytest.raises((AssertionError, NeverCame, KeyError)):
        check(page, few())


def test_a_link_that_leads_nowhere(anyone: Reader) -> None:
    anyone.patience = 1_000
    page = anyone.opens(few_page().replace('id="rule-', 'id="rules-'))
    with pytest.raises((AssertionError, NeverCame)):
        leads_from_a_finding_to_its_rule(page, few())


def test_a_slow_answer_is_measured(anyone: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "const until = performance.now() + 300; while (performance.now() < until); shown.page = 0;"
    page = anyone.opens(
        broken(monkeypatch, TABLE, "    shown.page = 0;\n    draw();", f"{slow} draw();", few_page)
    )
    rows(page).first.wait_for()
    assert answer_time(page, "port") > 0.3
