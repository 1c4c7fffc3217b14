"""What ``import rawshake`` offers: by name, when it is asked for, and to those who check types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import assert_type

import pytest

import rawshake
from rawshake.connection import Found
from rawshake.judge import Ruling
from rawshake.report import Exchange, Report

ROOT = Path(__file__).parent.parent


def run(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.parametrize("name", rawshake.__all__)
def test_every_name_is_there_and_is_loaded_when_it_is_asked_for(name: str) -> None:
    before, after = run(
        "import sys, rawshake\n"
        f"before = {name!r} in vars(rawshake)\n"
        f"from rawshake import {name}\n"
        f"print(before, vars(rawshake)[{name!r}] is {name})"
    )
    assert before == str(name == "__version__")
    assert after == "True"


def test_what_is_asked_for_is_all_that_is_loaded() -> None:
    loaded = run("import sys; from rawshake import Segment, Failure; print(*sys.modules)")
    assert "rawshake.tcp.segment" in loaded
    assert not [
        name for name in loaded if name.startswith(("rawshake.net", "rawshake.api", "scapy", "click"))
    ]
    assert not {"click", "rich"} & set(run("import sys, rawshake; rawshake.connect; print(*sys.modules)"))


def test_it_lists_its_names() -> None:
    assert set(rawshake.__all__) <= set(dir(rawshake))
    assert list(rawshake.__all__) == sorted(rawshake.__all__, key=lambda name: (name.islower(), name))


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'conect'"):
        getattr(rawshake, "conect")  # noqa: B009  # mypy would refuse it otherwise


def test_types_are_seen_through_the_lazy_names(tmp_path: Path) -> None:
    """This is checked by mypy; here it only has to be true."""

    def typed(client: rawshake.Client, checked: rawshake.Checked) -> None:
        assert_type(client.findings, tuple[Ruling, ...])
        assert_type(client.exchange, Exchange)
        assert_type(client.report, Report)
        assert_type(client.receive(), bytes)
        assert_type(checked.findings, tuple[Found, ...])

    connect: Callable[[str, int], rawshake.Client] = rawshake.connect
    check: Callable[[Path], rawshake.Checked] = rawshake.check
    assert callable(connect)
    assert callable(typed)
    with pytest.raises(rawshake.Failure) as raised:
        check(tmp_path / "nothing.pcap")
    assert_type(raised.value.status, rawshake.Exit)
    assert raised.value.status is rawshake.Exit.UNREADABLE


def test_it_says_that_it_is_typed() -> None:
    assert (ROOT / "rawshake" / "py.typed").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"port": 65536}, "port is 65536, which is not between 1 and 65535."),
        ({"port": 0}, "Nothing can listen on port 0."),
        ({"ttl": 0}, "ttl is 0"),
        ({"isn": 1 << 32}, "isn is 4294967296"),
        ({"wscale": 256}, "wscale is 256"),
        ({"timeout": 0}, "timeout is 0"),
        ({"delayed_ack": 0.6}, "delayed_ack is 0.6"),
        ({"bad": ["ack"]}, "'ack' is not STEP.FIELD=VALUE"),
        ({"bad": "ack"}, "'ack' is not STEP.FIELD=VALUE"),
        ({"drop": "nobody:1"}, "nobody"),
        ({"options": "<mss>"}, "The options '<mss>' cannot be read"),
        (
            {"options": "<mss 1460>", "sack": True},
            "options says what all options are, and sack asks for one more.",
        ),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_sent(
    changes: dict[str, object], said: str
) -> None:
    arguments: dict[str, object] = {"port": 80, **changes}
    with pytest.raises(rawshake.Failure) as raised:
        rawshake.connect("192.0.2.1", **arguments)  # type: ignore[arg-type]
    assert said in raised.value.problem
    assert raised.value.status in (rawshake.Exit.USAGE, rawshake.Exit.PORT_ZERO)


@pytest.mark.parametrize("name", ["nonsense", "address", "behave"])
def test_a_name_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"no keyword argument '{name}'; there are isn, "):
        rawshake.connect("192.0.2.1", 80, **{name: 1})  # type: ignore[arg-type]
