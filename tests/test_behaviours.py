"""Each behaviour of a port that is played by hand, against clients in memory who are honest and stay unaccused."""

from __future__ import annotations

from hashlib import sha256

import pytest

from rawshake.api.serving import parse_behaviour
from rawshake.behaviours import BACKLOG, BEHAVIOURS, body
from rawshake.profile import SECOND
from rawshake.report import Exchange, Outcome
from rawshake.rules.model import Verdict
from rawshake.tcp.state import State
from tests.memory import MILLISECOND
from tests.town import Register, Resident, Town, listening, run

SOMEONE = ("192.0.2.1", 40000)


def one_client(
    behave: str, says: bytes = b"", *, closes: bool = True, waits: bool = False, amount: int = 0
) -> tuple[Resident, Exchange]:
    """What a client hears, and the whole exchange, of which nothing is found against it."""
    listener, town, register = listening(behave, amount)
    resident = town.dial(SOMEONE, says, closes=closes, waits=waits)
    run(listener, lambda: bool(register.exchanges))
    listener.run(lambda: False, deadline=town.now() + 10 * MILLISECOND)
    return resident, honest(register, listener_time=town)


def honest(register: Register, *, listener_time: Town) -> Exchange:
    (exchange,) = register.exchanges
    broken = [one.sentence for one in exchange.findings if one.verdict is not Verdict.NOTE and not one.ours]
    assert broken == [], listener_time.now()
    return exchange


def flags(exchange: Exchange) -> list[str]:
    return [f"{'<' if step.ours else '>'} {step.segment.flags}" for step in exchange.steps]


@pytest.mark.parametrize("size", [0, 1, 1460, 100_000, 2 * BACKLOG])
def test_echo(size: int) -> None:
    says = body(3, 3 + size)
    resident, exchange = one_client("echo", says)
    assert bytes(resident.heard) == says
    assert exchange.outcome is Outcome.CLOSED


def test_discard_closes_as_soon_as_the_client_has() -> None:
    resident, exchange = one_client("discard", b"hello")
    assert bytes(resident.heard) == b""
    assert exchange.data == b"hello"
    assert exchange.steps[-1].time - exchange.steps[0].time < 10 * MILLISECOND


def test_close_first_resets_data_that_comes_later() -> None:
    resident, exchange = one_client("close", waits=True)
    assert exchange.outcome is Outcome.CLOSED
    assert flags(exchange)[3:5] == ["< F.", "> F."]
    resident, exchange = one_client("close", b"too late")
    assert exchange.outcome is Outcome.RESET_BY_US
    assert resident.conversation.was_reset


def test_half_close_takes_what_comes_after_its_fin() -> None:
    _, exchange = one_client("half-close", bytes(10_000), waits=True)
    assert exchange.outcome is Outcome.CLOSED
    assert exchange.data == bytes(10_000)
    assert flags(exchange).index("< F.") < flags(exchange).index("> F.")


def test_refuse() -> None:
    resident, exchange = one_client("refuse")
    assert resident.conversation.refused
    assert flags(exchange) == ["> S", "< R."]
    assert (exchange.outcome, exchange.detail) == (Outcome.REFUSED, "by us")


def test_no_synack() -> None:
    _, exchange = one_client("no-synack")
    assert set(flags(exchange)) == {"> S"}
    assert len(exchange.steps) > 2
    assert (exchange.outcome, exchange.detail) == (Outcome.FILTERED, "from us")


@pytest.mark.parametrize(
    ("behave", "state"),
    [
        ("silent", State.FIN_WAIT_2),
        ("no-finack", State.FIN_WAIT_1),
        ("zero-window", State.ESTABLISHED),
    ],
)
def test_where_a_client_is_left(behave: str, state: State) -> None:
    listener, town, register = listening(behave)
    resident = town.dial(SOMEONE, b"hello")
    listener.run(lambda: False, deadline=town.now() + 5 * SECOND)
    assert resident.conversation.client.expected is state
    assert register.exchanges == []
    listener.close(SECOND)
    honest(register, listener_time=town)


def test_slow_closes_its_window_and_opens_it_again() -> None:
    listener, town, register = listening("slow", 200_000)
    town.dial(SOMEONE, bytes(300_000))
    run(listener, lambda: bool(register.exchanges))
    exchange = honest(register, listener_time=town)
    assert exchange.steps[-1].time - exchange.steps[0].time > SECOND
    windows = [step.segment.window for step in exchange.steps if step.ours]
    assert 0 in windows
    assert windows[-1] > 0
    assert exchange.outcome is Outcome.CLOSED


@pytest.mark.parametrize("amount", [3, 15, 1000])
def test_slow_takes_so_many_octets_a_second(amount: int) -> None:
    _, exchange = one_client("slow", bytes(3 * amount), amount=amount)
    took = exchange.steps[-1].time - exchange.steps[0].time
    assert 2 * SECOND < took < 3.1 * SECOND
    assert exchange.outcome is Outcome.CLOSED


@pytest.mark.parametrize("amount", [1, 5000])
def test_reset_after_so_many_octets(amount: int) -> None:
    resident, exchange = one_client("reset", bytes(20_000), amount=amount)
    assert exchange.outcome is Outcome.RESET_BY_US
    assert resident.conversation.was_reset
    assert len(exchange.data) >= amount


def test_split() -> None:
    resident, exchange = one_client("split", b"hello")
    assert bytes(resident.heard) == b"hello"
    assert flags(exchange)[:2] == ["< S", "> S"]
    assert exchange.outcome is Outcome.CLOSED


@pytest.mark.parametrize(
    ("request_", "status", "content"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"200", b"rawshake"),
        (b"GET /200 HTTP/1.1\r\nHost: x\r\n\r\n", b"200", body(0, 200)),
        (b"GET /600000 HTTP/1.0\r\n\r\n", b"200", body(0, 600_000)),
        (b"HEAD /200 HTTP/1.1\r\n\r\n", b"200", b""),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"200", b""),
        (b"PUT /x HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", b"200", sha256(b"abc").hexdigest().encode()),
        (b"POST / HTTP/1.1\r\n\r\n", b"200", b"rawshake"),
        (b"DELETE / HTTP/1.1\r\n\r\n", b"501", b"GET"),
        (b"nonsense", b"400", b"no request"),
        (b"x" * 100_000, b"400", b"no request"),
        (b"", b"400", b"no request"),
    ],
)
def test_http(request_: bytes, status: bytes, content: bytes) -> None:
    resident, exchange = one_client("http", request_)
    head, _, found = bytes(resident.heard).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert (content in found) if content else not found
    assert exchange.outcome is Outcome.CLOSED


def test_http_tells_a_careful_client_to_go_on() -> None:
    request = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    resident, _ = one_client("http", request)
    assert bytes(resident.heard).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 64), (63, 65), (100, 1000), (64, 128)])
def test_a_body_is_the_same_in_pieces(start: int, stop: int) -> None:
    assert body(start, stop) == body(0, 1000)[start:stop]


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_behaviour_is_named(name: str) -> None:
    behaviour, amount = parse_behaviour(name)
    assert (behaviour.name, amount) == (name, behaviour.amount or 0)
    assert behaviour.what.endswith(".")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ehco", "'ehco' is no behaviour"),
        ("echo:5", "takes no number"),
        ("reset:x", "'x' in 'reset:x'"),
        ("slow:-1", "'-1'"),
        ("slow:0", "less than 1"),
    ],
)
def test_what_is_no_behaviour_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_behaviour(text)


def test_a_number_goes_with_a_behaviour() -> None:
    assert parse_behaviour("reset:0") == (BEHAVIOURS["reset"], 0)
