"""rawshake: TCP handshakes made by hand, captured, judged by the RFCs and drawn.

What scripts and tests use is here, and is loaded when it is first asked for: ``import rawshake`` costs nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rawshake.api.captures import Checked, check
    from rawshake.api.client import Client, connect
    from rawshake.api.server import Accepted, Server, listen
    from rawshake.api.talk import Broken
    from rawshake.errors import Exit, Failure
    from rawshake.tcp.segment import Segment

__all__ = [
    "Accepted",
    "Broken",
    "Checked",
    "Client",
    "Exit",
    "Failure",
    "Segment",
    "Server",
    "__version__",
    "check",
    "connect",
    "listen",
]

#: Where each name is defined.
_DEFINED = {
    "Accepted": "rawshake.api.server",
    "Broken": "rawshake.api.talk",
    "Checked": "rawshake.api.captures",
    "Client": "rawshake.api.client",
    "Exit": "rawshake.errors",
    "Failure": "rawshake.errors",
    "Segment": "rawshake.tcp.segment",
    "Server": "rawshake.api.server",
    "check": "rawshake.api.captures",
    "connect": "rawshake.api.client",
    "listen": "rawshake.api.server",
}


if not TYPE_CHECKING:  # whoever checks types is to know what there is not

    def __getattr__(name: str) -> object:
        """PEP 562: called for what is not loaded yet."""
        if name not in _DEFINED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(_DEFINED[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
