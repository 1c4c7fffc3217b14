"""The languages that explanations come in: which there are, which one the locale asks for, and their catalogues."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import rawshake
from rawshake.errors import Exit, Failure
from rawshake.plain.language import ENGLISH, Language

#: Where ``LANGUAGE/LC_MESSAGES/rawshake.mo`` are.
CATALOGUES: Final = Path(rawshake.__file__).parent / "locale"
DOMAIN: Final = "rawshake"


def languages() -> tuple[str, ...]:
    """The codes of all that there are, English first."""
    found = sorted(path.parts[-3] for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return (ENGLISH.code, *found)


def known(name: str) -> str | None:
    """The code of a language by its name as locales have it, ``ko_KR.UTF-8`` or ``ko-KR``; None for one unknown."""
    code = re.split(r"[-_.@]", name.strip().lower())[0]
    return code if code in languages() else None


def from_locale(environment: Mapping[str, str]) -> str:
    """The code of the language that POSIX's variables ask for; English where they ask for none that there is."""
    named = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return known(next(filter(None, named), "")) or ENGLISH.code


def load(code: str) -> Language:
    """The language of that code. Raises Failure with USAGE where there is none."""
    if code == ENGLISH.code:
        return ENGLISH
    try:
        catalogue = gettext.translation(DOMAIN, CATALOGUES, languages=[code])
    except OSError:
        raise unknown(code) from None
    return Language(code, catalogue.gettext)


def unknown(name: str) -> Failure:
    """What to say of a language that there is not."""
    return Failure(
        Exit.USAGE,
        f"rawshake does not speak {name!r}.",
        f"It speaks {' and '.join(languages())}: --lang {languages()[-1]}, for instance.",
    )
