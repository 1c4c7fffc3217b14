"""rawshake: TCP handshakes made by hand, captured, judged by the RFCs and drawn."""

__version__ = "0.1.0"
