"""Every way a command can end: one exit status each, and the failure that carries it to the user."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of every command; the README's table is made from these comments."""

    OK = 0
    RULE_BROKEN = 1  #: the peer broke a rule
    USAGE = 2  #: an argument is wrong
    REFUSED = 3  #: the peer answered the SYN with RST
    FILTERED = 4  #: no answer to the SYN
    UNREACHABLE = 5  #: an ICMP error came back
    UNKNOWN_HOST = 6  #: the name has no address
    NO_PRIVILEGE = 7  #: raw sockets are not allowed
    NO_ROUTE = 8  #: no route leads there
    INTERFACE_DOWN = 9  #: the interface is missing or down
    PORT_ZERO = 10  #: port 0 cannot be connected to
    FOREIGN_SOURCE = 11  #: the source address is not of this machine
    LOCAL_FIREWALL = 12  #: this machine's own firewall ate or reset a segment
    SESSION_GONE = 13  #: no such held connection
    RESET = 14  #: the peer reset the connection
    TIMED_OUT = 15  #: the peer fell silent after the handshake
    PORT_TAKEN = 16  #: the local port is in use
    LAB_IMPOSSIBLE = 17  #: this system allows no lab
    DISAGREE = 18  #: the kernel's state differs from the expected one
    UNREADABLE = 19  #: a file cannot be read or written
    NOT_PERMITTED = 20  #: the host is in no private or test network, and nobody said that it may be tested
    MISMATCH = 21  #: something else came than a script expected
    INTERNAL = 70  #: a fault of rawshake itself
    HUNG_UP = 129  #: SIGHUP: the terminal is gone
    INTERRUPTED = 130  #: Ctrl-C
    TERMINATED = 143  #: SIGTERM


class Failure(Exception):
    """A command cannot go on: one sentence that quotes the bad value, a next step, and the exit status.

    ``next_step`` may be empty where there is nothing better to do than to read the sentence.
    """

    def __init__(self, status: Exit, problem: str, next_step: str = "") -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.problem}\n{self.next_step}" if self.next_step else self.problem
