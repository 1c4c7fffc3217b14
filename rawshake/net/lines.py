"""Lines that somebody types, or that come from a pipe: whether another one is there, without waiting for it."""

from __future__ import annotations

import os
import select
import stat
from typing import Final

#: Octets read at a time.
_READ: Final = 4096


class Lines:
    """Reads ``descriptor`` as lines, of which only the number counts."""

    def __init__(self, descriptor: int = 0) -> None:
        self.descriptor: Final = descriptor
        self._waiting = 0
        self._ended = False

    @property
    def there_are_none(self) -> bool:
        """Whether it is a device such as /dev/null, where nobody types."""
        return stat.S_ISCHR(os.fstat(self.descriptor).st_mode) and not os.isatty(self.descriptor)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody sits there."""
        return os.isatty(self.descriptor)

    @property
    def ended(self) -> bool:
        """Whether no more lines come: Ctrl-D, or the end of a pipe."""
        return self._ended and not self._waiting

    def take(self) -> bool:
        """Take a line, if one is there."""
        if not self._waiting and not self._ended and self._readable():
            octets = os.read(self.descriptor, _READ)
            self._ended = not octets
            self._waiting = octets.count(b"\n")
        if self._waiting:
            self._waiting -= 1
            return True
        return False

    def _readable(self) -> bool:
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(0))
