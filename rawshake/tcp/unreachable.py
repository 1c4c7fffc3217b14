"""Which ICMP errors say that segments of a connection get nowhere."""

from __future__ import annotations

from typing import Final

from rawshake.tcp.decode import IcmpError
from rawshake.tcp.view import View

#: (IPv6 or not, type): unreachable, and time exceeded.
_UNREACHABLE: Final = frozenset({(False, 3), (False, 11), (True, 1), (True, 3)})
#: Of those (with the code), what says no more than that a smaller packet would get there (RFC 1191), or that
#: it came there in pieces, of which one was lost.
_GETS_THERE: Final = frozenset({(False, 3, 4), (False, 11, 1), (True, 3, 1)})


def gets_nowhere(error: IcmpError, me: View) -> bool:
    """Whether it is to be believed by ``me``, the end that it was sent to, that nothing gets to the other."""
    kind, seq = (error.v6, error.type), error.quoted_seq
    if kind not in _UNREACHABLE or (*kind, error.code) in _GETS_THERE or me.una is None or me.nxt is None:
        return False
    # Else forged, or about what is long acknowledged: RFC 5927 section 4.1.
    return seq is None or me.una <= seq <= me.nxt
