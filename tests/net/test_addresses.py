"""The addresses of this machine, as a fresh network has them."""

from __future__ import annotations

import ipaddress

from rawshake.net.addresses import local_addresses
from rawshake.net.lab.namespaces import start
from rawshake.net.route import Target
from tests.live.isolated import isolated


@isolated
def test_a_machine_with_nothing_but_loopback() -> None:
    assert local_addresses() == [Target("127.0.0.1", 0), Target("::1", 0)]
    assert local_addresses(4) == [Target("127.0.0.1", 0)]
    assert local_addresses(6) == [Target("::1", 0)]


def test_link_local_addresses_have_their_interface() -> None:
    with start() as lab, lab.entered():
        found = {one.address: one.scope for one in local_addresses()}
    assert found[lab.client4] == 0
    scopes = {scope for address, scope in found.items() if ipaddress.ip_address(address).is_link_local}
    assert 0 not in scopes
