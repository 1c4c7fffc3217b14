"""What is packed piece by piece comes back as it was."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode

from rawshake.html.packer import Document, Packer
from rawshake.html.shell import Packed, pack

TEXTS = [f'<svg>{number} \u202e "quoted" </script></svg>' for number in range(10)]


def unpacked(packed: Packed) -> list[str]:
    """All texts, by what the page's script does with a batch."""
    return [text for batch in packed.batches for text in json.loads(zlib.decompress(b64decode(batch)))]


def test_texts_one_by_one_are_packed_as_all_at_once() -> None:
    packer = Packer("ladders", size=3)
    assert [packer.add(text) for text in TEXTS] == list(range(10))
    assert (packer.count, packer.packed()) == (10, pack("ladders", TEXTS, size=3))
    assert unpacked(packer.packed()) == TEXTS


def test_nothing_is_packed_as_nothing() -> None:
    assert Packer("ladders").packed().batches == ()


def test_a_document_in_pieces_is_one_text() -> None:
    document = Document("report")
    for text in TEXTS:
        document.write(text)
    packed = document.packed()
    assert (packed.size, unpacked(packed)) == (1, ["".join(TEXTS)])
