"""One connection out of a file: of a capture or of a report, by its number or as the only one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rawshake.api.captures import exchange
from rawshake.errors import Exit, Failure
from rawshake.render import check_json
from rawshake.render.json import dump
from rawshake.report import Report
from tests.cli.traces import CLEAN, FAULTY, capture
from tests.render.exchanges import exchange as made


def test_the_only_one_of_a_capture(tmp_path: Path) -> None:
    found = exchange(str(capture(tmp_path, CLEAN)))
    assert found.client == ("192.0.2.1", 40001)
    assert len(found.steps) == 8


def test_one_of_several(tmp_path: Path) -> None:
    path = str(capture(tmp_path, CLEAN, FAULTY, CLEAN))
    assert [exchange(path, number).client[1] for number in (1, 2, 3)] == [40001, 40002, 40003]
    assert len(exchange(path, 2).findings) == 1


def test_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    whole = made(CLEAN)
    path.write_text(dump(Report("teardown", (whole,))))
    assert exchange(str(path)) == exchange(str(path), 1) == whole


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, "There is more than one connection in"),
        (3, "There is no connection 3 in"),
    ],
)
def test_it_must_be_clear_which(tmp_path: Path, number: int | None, said: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(dump(Report("teardown", (made(CLEAN), made(CLEAN)))))
    for file in (capture(tmp_path, CLEAN, FAULTY), path):
        with pytest.raises(Failure, match=said) as raised:
            exchange(str(file), number)
        assert raised.value.status is Exit.USAGE


def test_a_report_of_check_holds_no_segments(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    writer = check_json.Writer()
    path.write_text(writer.head([]) + writer.foot())
    with pytest.raises(Failure, match="holds no segments"):
        exchange(str(path))


@pytest.mark.parametrize(
    "content", [b"", b"not a capture", b'{"a": 1}', b"{", b'{"\xff": 1}', b"\xd4\xc3\xb2\xa1"]
)
def test_what_is_neither_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Failure) as raised:
        exchange(str(path))
    assert raised.value.status is Exit.UNREADABLE
    assert str(path) in raised.value.problem


def test_no_connection_at_all(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="There is no connection in"):
        exchange(str(capture(tmp_path)))


def test_a_damaged_capture_gives_what_stands_before(tmp_path: Path) -> None:
    path = capture(tmp_path, CLEAN)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert len(exchange(str(path)).steps) == 7
