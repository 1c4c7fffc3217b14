"""Charts show what was counted, and say it."""

from __future__ import annotations

from xml.etree import ElementTree

from rawshake.html.charts import bars, spread
from rawshake.many.times import Times


def test_bars_are_as_long_as_their_share() -> None:
    found = bars([("complete", "complete", 30), ("refused", "refused", 10), ("midstream", "midstream", 0)])
    assert [(bar.value, bar.count, bar.percent) for bar in found] == [
        ("complete", 30, "75 %"),
        ("refused", 10, "25 %"),
    ]
    widths = [list(ElementTree.fromstring(bar.svg))[-1].attrib["width"] for bar in found]
    assert widths == ["75.00", "25.00"]


def test_nearly_all_is_not_all() -> None:
    many, one = bars([("a", "a", 99_999), ("b", "b", 1)])
    assert (many.percent, one.percent) == ("> 99.9 %", "< 0.1 %")
    (all_of_them,) = bars([("a", "a", 3)])
    assert all_of_them.percent == "100 %"
    assert bars([]) == ()


def test_a_histogram_counts_each_time_once() -> None:
    times = Times()
    times.add([1_000_000] * 50 + [2_000_000] * 40 + [40_000_000] * 10)
    found = spread(times, "Round trips")
    assert found is not None
    assert (found.count, sum(count for _, _, count in found.columns)) == (100, 100)
    told = dict(found.told)
    assert (told["least"], told["most"]) == ("1 ms", "40 ms")
    picture = ElementTree.fromstring(found.svg)
    assert picture.attrib["aria-label"].startswith("Round trips: least 1 ms, median 1")
    columns = [one for one in picture if one.tag.endswith("rect")]
    heights = [float(one.attrib["height"]) for one in columns]
    assert len(columns) == len(found.columns)
    assert heights.index(max(heights)) == 0
    assert sum(height > 0 for height in heights) == 3


def test_times_that_are_all_alike_have_a_chart() -> None:
    times = Times()
    times.add([42_000_000])
    found = spread(times, "Round trips")
    assert found is not None
    assert sum(count for _, _, count in found.columns) == 1
    ElementTree.fromstring(found.svg)


def test_without_times_there_is_no_chart() -> None:
    assert spread(Times(), "Round trips") is None
