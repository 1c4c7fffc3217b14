"""The catalogue of scenarios is whole: as many of each mode and theme as it was counted to have."""

from __future__ import annotations

from collections import Counter

from rawshake.probes.scenarios import SCENARIOS, Mode


def test_it_is_whole() -> None:
    assert len(SCENARIOS) == 188
    modes = Counter(one.mode for one in SCENARIOS.values())
    assert modes == {Mode.WIRE: 80, Mode.APPLICATION: 74, Mode.DIALS: 11, Mode.AGENT: 23}
    themes = Counter(one.theme for one in SCENARIOS.values())
    assert list(themes.values()) == [30, 29, 26, 12, 18, 9, 23, 14, 16, 11]


def test_ids_are_a_letter_for_the_theme_and_numbers_without_gaps() -> None:
    for letter in {name[0] for name in SCENARIOS}:
        named = [name for name in SCENARIOS if name[0] == letter]
        assert named == [f"{letter}{number:02}" for number in range(1, len(named) + 1)]
        assert len({SCENARIOS[name].theme for name in named}) == 1


def test_a_scenario_has_a_title() -> None:
    assert SCENARIOS["E05"].title == "the same SYN again in SYN-RECEIVED: the same SYN,ACK again (same ISN)"
    assert all(one.title and one.id == name for name, one in SCENARIOS.items())
