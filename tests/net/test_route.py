"""Names become addresses, addresses ways, and what cannot be is said in a sentence."""

from __future__ import annotations

import socket
from typing import Literal

import pytest

from rawshake.errors import Exit, Failure
from rawshake.net.route import Target, check_source, first_route, largest_segment, resolve, source_for

LOOPBACK = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("127.0.0.1", Target("127.0.0.1", 0)),
        ("127.1", Target("127.0.0.1", 0)),
        ("2001:DB8:0::1", Target("2001:db8::1", 0)),
        ("[2001:db8::1]", Target("2001:db8::1", 0)),
        ("::ffff:192.0.2.1", Target("192.0.2.1", 0)),
        ("fe80::1", Target("fe80::1", 0)),
        ("fe80::1%lo", Target("fe80::1", LOOPBACK)),
        (f"fe80::1%{LOOPBACK}", Target("fe80::1", LOOPBACK)),
    ],
)
def test_an_address_is_its_own_name(host: str, target: Target) -> None:
    assert resolve(host) == [target]


def test_a_name_has_the_addresses_of_its_family() -> None:
    assert Target("127.0.0.1", 0) in resolve("localhost")
    assert resolve("localhost", family=4) == [Target("127.0.0.1", 0)]


def test_a_target_is_written_with_its_zone() -> None:
    assert str(Target("fe80::1", LOOPBACK)) == "fe80::1%lo"
    assert str(Target("fe80::1", 2**30)) == f"fe80::1%{2**30}"
    assert str(Target("192.0.2.1", 0)) == "192.0.2.1"


@pytest.mark.parametrize(
    "host", ["no.such.name.invalid", "a..b", "", "x" * 300, "a\0b", "192.0.2.1:80", "%lo"]
)
def test_what_is_no_name_has_no_address(host: str) -> None:
    with pytest.raises(Failure) as failed:
        resolve(host)
    assert failed.value.status is Exit.UNKNOWN_HOST
    assert repr(host)[1:-1] in repr(failed.value.problem)


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", 6), ("::1", 4), ("::ffff:127.0.0.1", 6)])
def test_an_address_of_the_other_family_will_not_do(host: str, family: Literal[4, 6]) -> None:
    with pytest.raises(Failure, match=f"has no IPv{family} address") as failed:
        resolve(host, family=family)
    assert failed.value.status is Exit.UNKNOWN_HOST


@pytest.mark.parametrize("zone", ["nope0", "4000000000", "99999", "averyveryverylongname"])
def test_a_zone_that_is_no_interface_is_said_to_be_none(zone: str) -> None:
    with pytest.raises(Failure, match=f"no interface '{zone}'") as failed:
        resolve(f"fe80::1%{zone}")
    assert failed.value.status is Exit.INTERFACE_DOWN


@pytest.mark.parametrize("host", ["224.0.0.1", "ff02::1", "ff02::1%lo", "0.0.0.0", "::", "255.255.255.255"])
def test_tcp_connects_to_one_host_only(host: str) -> None:
    with pytest.raises(Failure, match="MUST-46") as failed:
        resolve(host)
    assert failed.value.status is Exit.USAGE


def test_the_way_to_oneself() -> None:
    route = source_for("127.0.0.1")
    assert (route.source, route.interface, route.index, route.local) == ("127.0.0.1", "lo", LOOPBACK, True)
    assert route.mtu >= 1500
    assert source_for("127.0.0.1", source="127.0.0.9", interface="lo").source == "127.0.0.9"


def test_the_first_target_that_a_way_leads_to_is_taken() -> None:
    here = Target("127.0.0.1", 0)
    nowhere = Target("fe80::1", 0)  # no interface
    assert first_route([nowhere, here]) == (here, source_for("127.0.0.1"))
    with pytest.raises(Failure, match="link-local"):
        first_route([nowhere, Target("fe80::2", 0)])


def test_a_broadcast_address_is_no_target() -> None:
    with pytest.raises(Failure, match="is a broadcast address") as failed:
        source_for("127.255.255.255")
    assert failed.value.status is Exit.USAGE


def test_an_interface_that_does_not_exist() -> None:
    with pytest.raises(Failure, match="'nope0'") as failed:
        source_for("127.0.0.1", interface="nope0")
    assert failed.value.status is Exit.INTERFACE_DOWN


@pytest.mark.parametrize(
    "address", ["198.51.100.1", "0.0.0.0", "224.0.0.1", "2001:db8::1", "127.255.255.255"]
)
def test_a_source_that_is_not_ours(address: str) -> None:
    with pytest.raises(Failure, match="not one of this machine") as failed:
        check_source(address)
    assert failed.value.status is Exit.FOREIGN_SOURCE


def test_a_source_that_is_ours() -> None:
    assert check_source("127.0.0.9") == "127.0.0.9"


@pytest.mark.parametrize("address", ["", "localhost", "1.2.3", "1.2.3.4.5"])
def test_a_source_is_written_as_an_address(address: str) -> None:
    with pytest.raises(Failure, match="is not an IP address") as failed:
        check_source(address)
    assert failed.value.status is Exit.USAGE


def test_the_option_that_named_it_is_told() -> None:
    with pytest.raises(Failure, match=r"The address 198\.51\.100\.1 is not one") as failed:
        check_source("198.51.100.1", asked="address")
    assert "--address" in failed.value.next_step
    with pytest.raises(Failure, match="The address 'x' is not an IP address"):
        check_source("x", asked="address")


def test_a_source_of_the_other_family_will_not_do() -> None:
    with pytest.raises(Failure, match="not of the same family") as failed:
        source_for("2001:db8::1", source="127.0.0.1")
    assert failed.value.status is Exit.USAGE


@pytest.mark.parametrize(
    ("mtu", "v4", "v6"),
    [(1500, 1460, 1440), (1280, 1240, 1220), (65536, 65495, 65476), (70000, 65495, 65515)],
)
def test_the_mss_is_what_fits_behind_the_fixed_headers(mtu: int, v4: int, v6: int) -> None:
    assert largest_segment(mtu, v6=False) == v4
    assert largest_segment(mtu, v6=True) == v6
