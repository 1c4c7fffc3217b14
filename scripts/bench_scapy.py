"""What rawshake is measured against: the handshake and close that a plain Scapy script does, unjudged."""

from __future__ import annotations

import ctypes
import socket
import sys

from scapy.all import IP, TCP, L3RawSocket, Packet, conf, send, sr  # type: ignore[attr-defined]


def guard() -> socket.socket:
    """A port at which the kernel answers nothing; otherwise it would reset what Scapy opens."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # A filter of one instruction, "return 0": <linux/filter.h>, SO_ATTACH_FILTER is 26.
    instruction = ctypes.create_string_buffer(b"\x06\0\0\0\0\0\0\0", 8)
    program = (1).to_bytes(8, sys.byteorder) + ctypes.addressof(instruction).to_bytes(8, sys.byteorder)
    listener.setsockopt(socket.SOL_SOCKET, 26, program)
    listener.listen(1)
    return listener


def main(port: int) -> int:
    """Zero after SYN, SYN-ACK, ACK, FIN, FIN and the last ACK."""
    conf.verb = 0
    conf.L3socket = L3RawSocket  # what Scapy's manual has for loopback
    with guard() as listener:
        ours = IP(dst="127.0.0.1") / TCP(sport=listener.getsockname()[1], dport=port, seq=1000)
        answer = exchange(ours, "S")
        ours.seq, ours.ack = answer.ack, answer.seq + 1
        ours[TCP].flags = "A"
        send(ours)
        answer = exchange(ours, "FA", wanted="F")
        ours.seq, ours.ack = answer.ack, answer.seq + 1
        ours[TCP].flags = "A"
        send(ours)
    return 0


def exchange(segment: Packet, flags: str, *, wanted: str = "S") -> Packet:
    """Send with these flags, and return the first answer that has the flag ``wanted``."""

    def is_wanted(packet: Packet) -> bool:
        return TCP in packet and packet[TCP].sport == segment[TCP].dport and wanted in packet[TCP].flags

    segment[TCP].flags = flags
    # An acknowledgment alone may come before.
    answers, _ = sr(segment, multi=True, timeout=5, stop_filter=is_wanted)
    for _, answer in answers:
        if is_wanted(answer):
            return answer
    raise TimeoutError(f"no answer to {flags}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
