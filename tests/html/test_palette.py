"""Pictures that leave the page take the page's colours along; these can be read on either paper."""

from __future__ import annotations

import re

import pytest

from rawshake.html.palette import palette, written_out
from rawshake.html.shell import asset

LIGHT, DARK = palette()
#: What text is written in, and on what.
TEXTS = [
    *((ink, "paper") for ink in ("ink", "muted", "link", "client", "server", "pass", "fail", "warn", "note")),
    *((ink, "box") for ink in ("ink", "muted", "link", "client", "server")),
    *((name, f"{name}-box") for name in ("pass", "fail", "warn", "note")),
    *(("ink", f"{name}-box") for name in ("pass", "fail", "warn", "note")),
    *((ink, "chosen") for ink in ("ink", "muted", "warn", "note", "fail")),
]


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), TEXTS)
def test_text_has_the_contrast_of_level_aa(colours: dict[str, str], ink: str, paper: str) -> None:
    assert contrast(colours[ink], colours[paper]) >= 4.5


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")


def test_every_colour_that_is_used_is_there_in_both_schemes() -> None:
    css = asset("ladder.css")
    used = set(re.findall(r"var\(--([\w-]+)\)", css))
    assert used
    assert used <= LIGHT.keys()
    assert LIGHT.keys() == DARK.keys()


def test_a_style_sheet_is_written_out_for_both() -> None:
    css = written_out("ladder.css")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    assert f".paper {{ fill: {LIGHT['paper']} }}" in light
    assert f".paper {{ fill: {DARK['paper']} }}" in dark
    assert "var(" not in css


def test_each_rule_with_a_colour_is_one_line() -> None:
    for line in asset("ladder.css").splitlines():
        assert line.count("{") == line.count("}") == 1
