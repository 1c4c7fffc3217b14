"""The catalogues of translations: what the code says goes in, and what installed packages read comes out."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).resolve().parent.parent
LOCALE: Final = ROOT / "rawshake" / "locale"
#: What marks a text in the code, and what begins a comment for translators.
MARK: Final = {"phrase": None}
COMMENT: Final = ("Translators:",)
WIDTH: Final = 110
HEAD: Final = """\
# What rawshake explains, in one language. A name in braces stays as it is, but {sender} may stand for {Sender}.
# After each change: scripts/messages"""


def template() -> Catalog:
    """Every marked text of the code, in the order of files and lines."""
    found = Catalog(project="rawshake", charset="utf-8")
    package = ROOT / "rawshake"
    for file, _line, text, comments, context in extract_from_dir(
        package, [("**.py", "python")], keywords=MARK, comment_tags=COMMENT
    ):
        # Lines move with every edit; files say enough.
        found.add(text, locations=[(f"rawshake/{file}", 0)], auto_comments=comments, context=context)
    return found


def path_of(language: str) -> Path:
    """The catalogue that translators edit."""
    return LOCALE / language / "LC_MESSAGES" / "rawshake.po"


def read(language: str) -> Catalog:
    """A catalogue as it stands."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """The catalogue with every text of the code and no other; what is new has no translation, or a fuzzy one."""
    known = path_of(language).exists()
    catalogue = read(language) if known else Catalog(locale=language, fuzzy=False)
    catalogue.header_comment = HEAD
    catalogue.project, catalogue.version, catalogue.msgid_bugs_address = "rawshake", "", ""
    catalogue.update(template(), update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def as_po(catalogue: Catalog) -> bytes:
    """What translators edit."""
    written = io.BytesIO()
    write_po(written, catalogue, width=WIDTH, include_lineno=False)
    return written.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """What ``gettext`` reads."""
    written = io.BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def languages() -> list[str]:
    """All that there are catalogues of."""
    return sorted(path.parts[-3] for path in LOCALE.glob("*/LC_MESSAGES/rawshake.po"))


def missing(catalogue: Catalog) -> list[str]:
    """Every text that is not translated, or only by a guess."""
    return [str(one.id) for one in catalogue if one.id and (one.fuzzy or not one.string)]


def wrong_names(catalogue: Catalog) -> list[str]:
    """Every text whose translation names in braces what the text does not, or leaves out what it names."""
    return [
        str(one.id)
        for one in catalogue
        if one.id and one.string and _names(str(one.id)) != _names(str(one.string))
    ]


def _names(text: str) -> set[str]:
    return {name.lower() for name in re.findall(r"\{(\w+)\}", text)}


def main(arguments: list[str]) -> int:
    """Bring all catalogues up to date, and begin those that are named; 1 where something is left to translate."""
    if any(re.fullmatch(r"[a-z]{2,3}", one) is None for one in arguments):
        print("usage: scripts/messages [LANGUAGE to begin, as in: de]", file=sys.stderr)
        return 2
    left = 0
    for language in sorted({*languages(), *arguments}):
        catalogue = updated(language)
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_po(catalogue))
        path.with_suffix(".mo").write_bytes(as_mo(catalogue))
        for text in missing(catalogue):
            print(f"{language}: not translated: {text}")
        for text in wrong_names(catalogue):
            print(f"{language}: other names in braces: {text}")
        left += len(missing(catalogue)) + len(wrong_names(catalogue))
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
