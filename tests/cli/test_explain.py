"""The languages of ``--explain`` on the command line, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rawshake.errors import Exit
from tests.command import rawshake

CAPTURE = str(next((Path(__file__).parents[1] / "captures" / "legal").glob("*.pcap*")))
KOREAN = {"LC_ALL": "ko_KR.UTF-8"}
ENGLISH = {"LC_ALL": "C.UTF-8"}


def check(*options: str, env: dict[str, str] | None = None) -> str:
    done = rawshake("check", CAPTURE, "--connection", "1", *options, env=env or ENGLISH)
    assert (done.status, done.err) == (Exit.OK, "")
    return done.out


def test_a_connection_of_a_capture_is_explained() -> None:
    assert "Can you hear me?" in check("--explain")
    assert "What the states mean:" in check("--explain", "--compact")
    assert "Can you hear me?" not in check()


def test_the_locale_chooses_the_language_and_the_option_before_it() -> None:
    assert "상태의 뜻:" in check("--explain", env=KOREAN)
    assert "상태의 뜻:" in check("--lang", "ko")
    assert "What the states mean:" in check("--explain", "--lang", "en", env=KOREAN)
    assert check(env=KOREAN) == check()


def test_in_ascii_the_locale_gives_way() -> None:
    assert check("--explain", "--ascii", env=KOREAN) == check("--explain", "--ascii")


@pytest.mark.parametrize(
    ("options", "problem", "next_step"),
    [
        (["--connection", "1", "--lang", "fr"], "rawshake does not speak 'fr'.", "It speaks en and ko"),
        (["--connection", "1", "--lang", "ko", "--ascii"], "--ascii leaves no letters", "Leave --ascii out"),
        (["--explain"], "--explain is for the segments of one connection.", "--connection 3"),
        (["--lang", "ko"], "--lang is for the segments of one connection.", "--connection 3"),
    ],
)
def test_what_is_refused(options: list[str], problem: str, next_step: str) -> None:
    done = rawshake("check", CAPTURE, *options, env=ENGLISH)
    assert (done.status, done.out) == (Exit.USAGE, "")
    first, second = done.err.splitlines()
    assert first.startswith(f"rawshake: {problem}")
    assert next_step in second
