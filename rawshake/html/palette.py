"""How verdicts are told apart: their signs, and the colours of ``base.css`` for pictures that leave the page, where
custom properties are not known.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from rawshake.html.shell import asset
from rawshake.rules.model import Verdict

#: The sign of each verdict, for no colour alone says anything.
SIGNS: Final = {
    Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.WARN: "▲", Verdict.NOTE: "i", Verdict.KNOWN: "≈",
    Verdict.INCONCLUSIVE: "?", Verdict.SKIPPED: "–", Verdict.ERROR: "!",
}  # fmt: skip

_COLOUR: Final = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);")
_USE: Final = re.compile(r"var\(--([\w-]+)\)")


@cache
def palette() -> tuple[dict[str, str], dict[str, str]]:
    """Colours by name, for a light page and for a dark one."""
    found = _COLOUR.findall(asset("base.css"))
    return {name: light for name, light, _ in found}, {name: dark for name, _, dark in found}


@cache
def written_out(name: str) -> str:
    """That style sheet with its colours in it: light, or dark where the reader's screen is."""
    css = asset(name)
    light, dark = palette()
    # Each rule that has a colour is a line of its own.
    coloured = "\n".join(line for line in css.splitlines() if _USE.search(line))
    return f"{_painted(css, light)}\n@media (prefers-color-scheme: dark) {{\n{_painted(coloured, dark)}\n}}"


def _painted(css: str, colours: dict[str, str]) -> str:
    return _USE.sub(lambda use: colours[use[1]], css)
