"""Reports of ``verify`` that a command is given to draw."""

from __future__ import annotations

import sys
from pathlib import Path

from rawshake.errors import Exit, Failure
from rawshake.render.reading import BadReport
from rawshake.render.verify_json import StoredRun, load


def stored_run(path: str) -> StoredRun:
    """The report in the file at ``path``, or on standard input for ``-``. Raises ``Failure`` with UNREADABLE."""
    name = "standard input" if path == "-" else path
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as refused:
        reason = refused.strerror if isinstance(refused, OSError) else "it is not text"
        raise Failure(
            Exit.UNREADABLE,
            f"{name} cannot be read: {reason}.",
            "Name a report of 'rawshake verify HOST --json FILE'.",
        ) from refused
    try:
        return load(text)
    except BadReport as bad:
        raise Failure(
            bad.status, f"{name}: {bad.problem}", "Name a report of 'rawshake verify HOST --json FILE'."
        ) from bad
