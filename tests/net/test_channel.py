"""Channels between commands and keepers: whole messages, garbage, silence, strangers, and a reader who is slow."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator

import pytest

from rawshake.net import channel
from rawshake.net.channel import Channel, Message, Reception

US = frozenset({os.getuid()})


def pair() -> tuple[Channel, socket.socket]:
    ours, theirs = socket.socketpair()
    return Channel(ours), theirs


@pytest.fixture
def reception() -> Iterator[tuple[Reception, str]]:
    """A reception for our own user, and the name to call it by."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")  # autobind: an abstract name that is free, unix(7)
    listener.listen()
    name = listener.getsockname()
    opened = Reception(listener, US)
    yield opened, name
    opened.close()


def called(name: str, *parts: bytes) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(name)
    for part in parts:
        caller.sendall(part)
    return caller


def ended(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        return not caller.recv(1)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_messages_come_as_they_were_sent() -> None:
    one, two = (Channel(end) for end in socket.socketpair())
    said: list[Message] = [{"text": "a\nb"}, {"status": 3}]
    for message in said:
        one.send(message)
    assert [two.receive(), two.receive()] == said
    still_there = not two.gone
    one.close()
    assert still_there
    assert two.gone
    assert two.receive() is None
    two.close()


@pytest.mark.parametrize(
    "said", [b"garbage\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"a":' + b"9" * 5000 + b"}\n"]
)
def test_garbage_is_an_error_like_any_other_of_a_socket(said: bytes) -> None:
    ours, theirs = pair()
    with theirs:
        theirs.sendall(said)
        with pytest.raises(OSError):
            ours.receive()
    ours.close()


def test_a_line_that_never_ends_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LONGEST", 1000)
    ours, theirs = pair()
    with theirs:
        theirs.sendall(b"[" * 2000)
        with pytest.raises(OSError):
            ours.receive()
    ours.close()


def test_all_is_read_however_slowly_it_is_used() -> None:
    ours, theirs = pair()
    with theirs:
        messages = ours.messages()
        theirs.sendall(b'{"text": "1"}\n')
        assert next(messages) == {"text": "1"}
        line = json.dumps({"text": "x" * 1000}).encode() + b"\n"
        theirs.settimeout(30)
        theirs.sendall(line * 5000)  # more than the sockets hold, while nobody asks for the next message
        theirs.shutdown(socket.SHUT_WR)
        assert sum(1 for _ in messages) == 5000
    ours.close()


def test_the_slow_and_the_silent_keep_nobody_waiting(reception: tuple[Reception, str]) -> None:
    desk, name = reception
    slow, silent = called(name, b'{"order": '), called(name)
    ready = called(name, b'{"order": "status"}\n')
    ((caller, message),) = desk.take()
    assert message == {"order": "status"}
    caller.send({"states": []})
    assert json.loads(ready.recv(100)) == {"states": []}
    assert not list(desk.take())
    slow.sendall(b'"send"}\n')
    poll = select.poll()
    for descriptor in desk.filenos():
        poll.register(descriptor)
    assert poll.poll(0)
    ((other, message),) = desk.take()
    assert message == {"order": "send"}
    for end in (slow, silent, ready, caller, other):
        end.close()


def test_who_says_nothing_for_long_is_dismissed(
    reception: tuple[Reception, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, name = reception
    silent = called(name)
    assert not list(desk.take())
    assert not ended(silent)
    monkeypatch.setattr(channel, "PATIENCE", 0)
    assert not list(desk.take())
    assert ended(silent)
    assert len(desk.filenos()) == 1
    silent.close()


def test_strangers_are_turned_away() -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen()
    desk = Reception(listener, frozenset({os.getuid() + 1}))
    stranger = called(listener.getsockname(), b'{"order": "teardown"}\n')
    assert not list(desk.take())
    assert ended(stranger)
    desk.close()
    stranger.close()


def test_who_has_gone_again_is_forgotten(reception: tuple[Reception, str]) -> None:
    desk, name = reception
    called(name).close()
    called(name, b"garbage\n").close()
    assert not list(desk.take())
    assert len(desk.filenos()) == 1
