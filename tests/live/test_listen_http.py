"""Ten million octets each way through ``rawshake listen``, with segments lost and swapped on our own side."""

from __future__ import annotations

from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import pytest

from rawshake.behaviours import body
from rawshake.errors import Exit
from rawshake.net.lab.namespaces import Lab
from tests.live.serving import Serving, serving

MANY = 10_000_000
ROUGH = ("--drop", "5%", "--reorder", "5%", "--seed", "7")


def get(listener: Serving, path: str) -> bytes:
    client = HTTPConnection(*listener.name, timeout=120)
    client.request("GET", path)
    answer = client.getresponse().read()
    client.close()
    return answer


def put(listener: Serving, octets: bytes) -> bytes:
    client = HTTPConnection(*listener.name, timeout=120)
    client.request("PUT", "/", octets)
    answer = client.getresponse().read()
    client.close()
    return answer


def test_a_page(lab: Lab, tmp_path: Path, address: str) -> None:
    with serving(lab, tmp_path, "--behave", "http", "--count", "3", address=address) as listener:
        assert b"rawshake" in get(listener, "/")
        assert get(listener, "/100") == body(0, 100)
        assert put(listener, b"abc") == f"3 octets, SHA-256 {sha256(b'abc').hexdigest()}\n".encode()
        assert listener.end() == Exit.OK, listener.said
    assert listener.found() == []


@pytest.mark.parametrize("rough", [(), ROUGH], ids=["smooth", "rough"])
def test_ten_million_octets_each_way(lab: Lab, tmp_path: Path, rough: tuple[str, ...]) -> None:
    options = ("--wscale", "7", "--window", "1000000", "--sack", "--timestamps", *rough)
    up = body(5, MANY + 5)
    with serving(lab, tmp_path, "--behave", "http", "--count", "2", "--quiet", *options) as listener:
        assert get(listener, f"/{MANY}") == body(0, MANY)
        assert put(listener, up) == f"{MANY} octets, SHA-256 {sha256(up).hexdigest()}\n".encode()
        peak = listener.peak()
        assert listener.end() == Exit.OK, listener.said
    assert listener.found() == []
    assert peak < 400_000_000
