"""A page read as a browser reads it: elements, scripts, and what is packed in them."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser makes of it: elements with their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._script: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._script = dict(attrs)
            self.scripts.append((self._script, ""))

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def script(self, name: str) -> str:
        (found,) = (text for attributes, text in self.scripts if attributes.get("id") == name)
        return found


def unpacked(page: Page, name: str, number: int) -> str:
    """What the page's ``unpack`` does."""
    size = next(int(one["data-size"] or 0) for one, _ in page.scripts if one.get("id") == f"packed-{name}-0")
    batch = zlib.decompress(b64decode(page.script(f"packed-{name}-{number // size}")))
    found: str = json.loads(batch)[number % size]
    return found
