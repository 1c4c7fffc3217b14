"""Each check of pages finds what it is for, in a page that has it."""

from __future__ import annotations

import pytest

from tests.browser.checks import inaccessible, lightness, sideways
from tests.browser.conftest import Reader

WHOLE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>whole</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
</head><body><main><h1>Whole</h1>{}</main></body></html>"""


def test_a_page_that_is_whole_gives_no_cause(reader: Reader) -> None:
    page = reader.opens(WHOLE.format("<p>Nothing is wrong here.</p>"), phone=True)
    assert sideways(page) == []
    assert inaccessible(page) == []


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("<script>console.error('ouch')</script>", "console: ouch"),
        ("<script>nowhere()</script>", "script: nowhere is not defined"),
        ("<script src='beside.js'></script>", "request: file://"),
        ("<img alt='x' src='http://127.0.0.1:9/x.png'>", "request: http://127.0.0.1:9/x.png"),
    ],
    ids=["console", "script", "file", "network"],
)
def test_complaints_are_heard(anyone: Reader, fault: str, complaint: str) -> None:
    anyone.opens(WHOLE.format(fault))
    assert any(one.startswith(complaint) for one in anyone.complaints), anyone.complaints


def test_too_wide_a_page_is_found_and_a_box_that_scrolls_is_not(reader: Reader) -> None:
    wide = "<div style='width: 700px' class='wide'>wide</div>"
    found = sideways(reader.opens(WHOLE.format(wide), phone=True))
    assert any(one.startswith("div.wide to 7") for one in found), found
    boxed = f"<div style='overflow-x: auto' tabindex=0>{wide}</div>"
    assert sideways(reader.opens(WHOLE.format(boxed), phone=True)) == []


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("<p style='color: #999; background: #fff'>pale</p>", "color-contrast (serious)"),
        ("<button></button>", "button-name (critical)"),
        ("<svg role='img' width='9' height='9'></svg>", "svg-img-alt (serious)"),
        ("<div style='height: 2em; overflow: auto'><p>a<p>b<p>c<p>d</div>", "scrollable-region-focusable"),
    ],
)
def test_what_keeps_somebody_from_reading_is_found(reader: Reader, fault: str, rule: str) -> None:
    found = inaccessible(reader.opens(WHOLE.format(fault)))
    assert [one for one in found if one.startswith(rule)], found


def test_light_and_dark_are_told_apart(reader: Reader) -> None:
    assert lightness(reader.opens(WHOLE.format(""), scheme="light")) > 0.9
    assert lightness(reader.opens(WHOLE.format(""), scheme="dark")) < 0.2
    white = "<style>body { background: white }</style>"
    assert lightness(reader.opens(WHOLE.format(white), scheme="dark")) > 0.9
