"""Octets as a user types and reads them."""

from __future__ import annotations

import re

import click

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.|$)", re.DOTALL)
_PLAIN = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "\\": b"\\", "a": b"\a", "b": b"\b"}


def unescape(text: str) -> bytes:
    r"""The octets of ``text``, in UTF-8, with ``\r \n \t \0 \\`` and ``\x00`` read as escapes."""
    octets = bytearray()
    at = 0
    for found in _ESCAPE.finditer(text):
        octets += text[at : found.start()].encode("utf-8", "surrogateescape")
        escape = found[1]
        if escape[:1] == "x" and len(escape) == 3:
            octets.append(int(escape[1:], 16))
        elif escape in _PLAIN:
            octets += _PLAIN[escape]
        else:
            raise click.BadParameter(f"'\\{escape}' in '{text}' is no escape; write \\\\ for a backslash.")
        at = found.end()
    return bytes(octets + text[at:].encode("utf-8", "surrogateescape"))


def readable(octets: bytes) -> str:
    """What a server said, fit for a terminal: line ends kept, every other control character escaped."""
    from rawshake.render.text import safe

    lines = octets.decode("utf-8", "backslashreplace").replace("\r\n", "\n").split("\n")
    return "\n".join(safe(line) for line in lines)
