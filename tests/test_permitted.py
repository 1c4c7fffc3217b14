"""Which addresses may be tested without being asked for: each network's edges, and what looks like one."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.errors import Exit, Failure
from rawshake.net import lab
from rawshake.permitted import NETWORKS, PERMISSION, is_permitted, require_permitted

#: Written out once more, by first and last address: a slip in the list above shows here.
EDGES = [
    ("127.0.0.0", "127.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("::1", "::1"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


@pytest.mark.parametrize(("first", "last"), EDGES)
def test_a_network_ends_where_it_ends(first: str, last: str) -> None:
    assert is_permitted(first)
    assert is_permitted(last)
    assert not is_permitted(str(ip_address(first) - 1))
    assert not is_permitted(str(ip_address(last) + 1))


def test_no_network_is_left_untried() -> None:
    assert len(EDGES) == len(NETWORKS)


@pytest.mark.parametrize("address", [lab.SERVER4, lab.SERVER6, lab.SERVER_LINK_LOCAL])
def test_the_lab_is_permitted(address: str) -> None:
    assert is_permitted(address)


@pytest.mark.parametrize("address", ["::ffff:10.1.2.3", "::ffff:127.0.0.1", "fe80::1%eth0", "fe80::1%2"])
def test_another_way_to_write_it(address: str) -> None:
    assert is_permitted(address)


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:8.8.8.8",
        "::10.0.0.1",  # IPv4-compatible, RFC 4291 2.5.5.1
        "::ffff:0:10.0.0.1",  # IPv4-translated, RFC 7915
        "64:ff9b::10.0.0.1",  # NAT64, RFC 6052
        "64:ff9b:1::10.0.0.1",  # NAT64, RFC 8215
        "2002:a00:1::1",  # 6to4 by 10.0.0.1, RFC 3056
        "2001:0:a00:1::f5ff:fffe",  # Teredo, RFC 4380
        "fec0::1",  # site-local, deprecated by RFC 3879
    ],
)
def test_what_only_looks_like_one(address: str) -> None:
    assert not is_permitted(address)


@given(st.ip_addresses(v=4))
def test_mapped_or_not_is_the_same(address: object) -> None:
    assert is_permitted(f"::ffff:{address}") == is_permitted(str(address))


def test_one_address_of_many_is_enough_to_refuse() -> None:
    with pytest.raises(Failure) as refused:
        require_permitted("example.org", ["10.0.0.1", "192.0.43.8"], "--count", allowed=False)
    assert refused.value.status is Exit.NOT_PERMITTED
    assert refused.value.problem == (
        "example.org (192.0.43.8) is in no private or test network, "
        "and --count is for hosts that you answer for."
    )
    assert PERMISSION in refused.value.next_step


def test_an_address_is_named_once() -> None:
    with pytest.raises(Failure, match=r"^192\.0\.43\.8 is in no private or test network, and play is"):
        require_permitted("192.0.43.8", ["192.0.43.8"], "play", allowed=False)


def test_permitted_or_allowed() -> None:
    require_permitted("host", ["10.0.0.1", "fd00::1", "::1"], "--count", allowed=False)
    require_permitted("host", ["192.0.43.8"], "--count", allowed=True)
