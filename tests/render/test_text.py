"""Nothing that a peer wrote reaches the terminal as it was, and nothing is wider than it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.render.text import columns, duration, fit, moment, plural, preview, safe, wrap
from tests.render.exchanges import texts

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80) | texts()

SAFE = {
    "hello, world": "hello, world",
    'a "b" \\': 'a "b" \\',
    "a\x1b[31mb": "a\\x1b[31mb",
    "line\r\nline\tend": "line\\r\\nline\\tend",
    "\x00\x7f\x9b": "\\x00\\x7f\\x9b",
    "\u202eevil\u2066": "\\u202eevil\\u2066",
    "\ufeff\u200b\u2028\xad": "\\ufeff\\u200b\\u2028\\xad",
    "e\u0301": "e\\u0301",
    "\U000e0001": "\\U000e0001",
    "\ud800": "\\ud800",
    "\u3000": "\\u3000",
    "grün 日本": "grün 日本",
}


@pytest.mark.parametrize(("text", "drawn"), SAFE.items())
def test_safe(text: str, drawn: str) -> None:
    assert safe(text) == drawn


def test_safe_in_ascii_writes_signs_in_another_way() -> None:
    assert safe("a ≤ b → c · 5 µs …", ascii_only=True) == "a <= b -> c ; 5 us ..."
    assert safe("é日\U0001f600", ascii_only=True) == "\\xe9\\u65e5\\U0001f600"


@given(ANY_TEXT, st.booleans())
def test_safe_leaves_only_what_can_be_seen(text: str, ascii_only: bool) -> None:
    drawn = safe(text, ascii_only=ascii_only)
    assert drawn.isprintable()
    assert not ascii_only or drawn.isascii()
    drawn.encode()


def test_columns_counts_wide_signs_twice() -> None:
    assert columns("abc") == 3
    assert columns("日本") == 4
    assert columns("grün") == 4


@given(texts(), st.integers(5, 40))
def test_fit(text: str, width: int) -> None:
    drawn = safe(text)
    assert columns(fit(drawn, width)) <= width
    assert columns(drawn) > width or fit(drawn, width) == drawn


def test_fit_says_that_something_is_missing() -> None:
    assert fit("abcdefgh", 6) == "abc..."


WRAPPED = [
    ("", 10, 0, [""]),
    ("one two three", 20, 0, ["one two three"]),
    ("one two three", 7, 0, ["one two", "three"]),
    ("one two three", 9, 2, ["one two", "  three"]),
    ("abcdefghij kl", 6, 2, ["abcdef", "  ghij", "  kl"]),
    ("x abcdefghij", 6, 2, ["x", "  abcd", "  efgh", "  ij"]),
    ("one\xa0two three", 10, 0, ["one two", "three"]),
    ("日本日本", 5, 0, ["日本", "日本"]),
]


@pytest.mark.parametrize(("text", "width", "indent", "lines"), WRAPPED)
def test_wrap(text: str, width: int, indent: int, lines: list[str]) -> None:
    assert wrap(text, width, indent=indent) == lines


@given(texts(), st.integers(6, 40), st.integers(0, 4))
def test_wrap_loses_nothing_and_fits(text: str, width: int, indent: int) -> None:
    drawn = safe(text)
    lines = wrap(drawn, width, indent=indent)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(drawn.split())


PREVIEWS = [
    (b"", 12, None, '""'),
    (b"GET / HTTP/1.0\r\n", 30, None, '"GET / HTTP/1.0\\r\\n"'),
    (b'\x1b[2J"\\\xff', 40, None, '"\\x1b[2J\\"\\\\\\xff"'),
    (b"abcdefghij", 12, None, '"abcdefghij"'),
    (b"abcdefghijk", 12, None, '"abcdefg"...'),
    (b"abcdef\xff\xff", 12, None, '"abcdef"...'),
    (b"abc", 12, 1460, '"abc"...'),
]


@pytest.mark.parametrize(("octets", "width", "total", "text"), PREVIEWS)
def test_preview(octets: bytes, width: int, total: int | None, text: str) -> None:
    assert preview(octets, width, total=total) == text


@given(st.binary(max_size=60), st.integers(12, 60))
def test_preview_is_printable_ascii_and_fits(octets: bytes, width: int) -> None:
    text = preview(octets, width)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= width


DURATIONS = {
    0: "0 ns",
    870: "870 ns",
    1_000: "1 µs",
    42_100: "42.1 µs",
    999_499: "999 µs",
    999_600: "1 ms",
    3_070_000: "3.07 ms",
    125_400_000: "125 ms",
    1_000_000_000: "1 s",
    59_900_000_000: "59.9 s",
    59_999_000_000: "1 min 0 s",
    245_000_000_000: "4 min 5 s",
    7_260_000_000_000: "2 h 1 min",
    -42_100: "-42.1 µs",
}


@pytest.mark.parametrize(("nanoseconds", "text"), DURATIONS.items())
def test_duration(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
    assert duration(nanoseconds, ascii_only=True) == text.replace("µ", "u")


MOMENTS = {
    0: "0.000 ms",
    42_000: "0.042 ms",
    999_999_000: "999.999 ms",
    999_999_900: "1.000000 s",
    1_042_000_300: "1.042000 s",
    9_999_999_900: "10.00000 s",
    61_213_643_000: "61.21364 s",
    999_999_999_000: "1000.000 s",
    86_400_000_000_000: "86400.00 s",
    -42_000: "-0.042 ms",
}


@pytest.mark.parametrize(("nanoseconds", "text"), MOMENTS.items())
def test_moment(nanoseconds: int, text: str) -> None:
    assert moment(nanoseconds) == text


@given(st.integers(0, 99_999 * 10**9))
def test_moment_fits_its_column(nanoseconds: int) -> None:
    assert len(moment(nanoseconds)) <= 10


def test_plural() -> None:
    assert [plural(count, "segment") for count in (0, 1, 2)] == ["0 segments", "1 segment", "2 segments"]
