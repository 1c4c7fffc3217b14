"""Pages that are broken on purpose, to show that what looks for a fault finds it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rawshake.html import shell


def broken(
    monkeypatch: pytest.MonkeyPatch, asset: str, right: str, wrong: str, make: Callable[[], str]
) -> str:
    """The page that is made while an asset is another: its policy allows no script that was changed afterwards."""
    whole = shell.asset(asset)
    assert right in whole
    changed = whole.replace(right, wrong)
    kept = shell.asset
    with monkeypatch.context() as patch:
        patch.setattr(shell, "asset", lambda name: changed if name == asset else kept(name))
        return make()
