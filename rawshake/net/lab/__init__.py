"""The lab: two network namespaces, a wire between them, and servers on the far side; its addresses."""

from __future__ import annotations

from typing import Final

#: Addresses kept for documentation (RFC 5737, RFC 3849), and link-local ones, the same in every lab.
CLIENT4: Final = "192.0.2.1"
SERVER4: Final = "192.0.2.2"
CLIENT6: Final = "2001:db8::1"
SERVER6: Final = "2001:db8::2"
CLIENT_LINK_LOCAL: Final = "fe80::1"
SERVER_LINK_LOCAL: Final = "fe80::2"

#: Each end of the wire has this name in its namespace: ``fe80::2%lab0`` is the server, seen by the client.
INTERFACE: Final = "lab0"
#: Prefix lengths of the networks that the two share.
PREFIX4: Final = 24
PREFIX6: Final = 64

#: Environment variable of a command in the lab: the servers' addresses, separated by spaces.
ENVIRONMENT: Final = "RAWSHAKE_LAB"

#: Name of the servers' host in there, wherever /etc/hosts can be shown otherwise.
NAME: Final = "lab"
