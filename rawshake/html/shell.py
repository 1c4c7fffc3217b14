"""How a page is made: one file that needs nothing else, from a template and assets of this package.

A page is a template that extends ``base.html`` and fills its blocks, a style sheet or script of its own in
``assets``, and data for the script::

    document("check.html", title="trace.pcap", css=["check.css"], js=["check.js"],
             data={"rows": rows}, packed=[pack("ladders", svgs)], summary=summary)

Everything a template shows is escaped, and made visible by ``render.text.safe``, but for what is ``|safe``, such as SVG
of ours. Scripts are put into one module, ``base.js`` first, so that they see one another's functions; they read data
by ``data("rows")`` and a text that is packed by ``await unpack("ladders", number)``.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import islice
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from rawshake import __version__
from rawshake.render.text import safe

PACKAGE: Final = "rawshake.html"
#: Texts that are compressed together: one is looked at seldom alone, and what they share is written once.
BATCH: Final = 64
#: Nothing is loaded from anywhere, and no script runs but ours, whatever a capture smuggles into the page.
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src {}"
)


@dataclass(frozen=True, slots=True)
class Packed:
    """Many texts, compressed by ``size`` at a time, for a script that shows one of them when it is asked for."""

    name: str
    size: int
    batches: tuple[str, ...]


def pack(name: str, texts: Iterable[str], *, size: int = BATCH) -> Packed:
    """Texts that the page's ``unpack(name, number)`` gives back by their number, from 0; taken as they come."""
    waiting = iter(texts)
    batches = []
    while batch := list(islice(waiting, size)):
        batches.append(b64encode(zlib.compress(json.dumps(batch).encode())).decode())
    return Packed(name, size, tuple(batches))


def document(
    template: str,
    *,
    title: str,
    css: Sequence[str] = (),
    styles: str = "",
    js: Sequence[str] = (),
    data: Mapping[str, object] | None = None,
    packed: Sequence[Packed] = (),
    **context: object,
) -> str:
    """The whole page. ``title`` is its name and first heading; ``css`` and ``js`` name assets, ``styles`` is a style
    sheet that is none; ``data`` is what JSON can hold, by id.

    All else is for the template, which fails on what it is not given.
    """
    module = "\n".join(map(asset, ("base.js", *js)))
    early = asset("theme.js")
    text = (
        _environment()
        .get_template(template)
        .render(
            title=title,
            version=__version__,
            policy=_POLICY.format(" ".join(map(_source, (early, module)))),
            styles="\n".join([*map(asset, ("base.css", *css)), styles]),
            early=early,
            module=module,
            data={name: embedded(value) for name, value in (data or {}).items()},
            packed=packed,
            **context,
        )
    )
    # Half a surrogate pair, which a file's name may hold, has no octets.
    return text.encode(errors="replace").decode()


def fragment(template: str, **context: object) -> str:
    """A part of a page, to be packed, or shown by another template as ``|safe``."""
    return _environment().get_template(template).render(**context)


def embedded(value: object) -> str:
    """A value as JSON inside a script element, which nothing in it can end."""
    written = json.dumps(value, separators=(",", ":"))
    return written.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def asset(name: str) -> str:
    """The text of a style sheet or a script."""
    return (files(PACKAGE) / "assets" / name).read_text(encoding="utf-8").rstrip("\n")


def _source(script: str) -> str:
    """How a content security policy names a script by what it is."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _visible(value: object) -> object:
    """What a template shows: text of a peer's or a file's name has no controls, nor signs that turn a line round."""
    return safe(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
