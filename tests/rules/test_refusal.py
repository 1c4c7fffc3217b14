"""How an acknowledgment of what was never sent is answered, where a capture may lack what was sent."""

from __future__ import annotations

from rawshake.rules import select
from tests.rules.play import findings_of

RULES = select(["refusal"])
BAD = """
    > S 0:0(0) win 65535
    < . 500:500(0) ack 181 win 65535
"""


def test_who_goes_on_beyond_that_number_has_sent_it_unseen() -> None:
    """The SYN,ACK and the data are missing."""
    assert findings_of(BAD + "> . 181:181(0) ack 500 win 65535", RULES) == []
    taken = BAD + "> . 1:1(0) ack 500 win 65535"
    assert findings_of(taken, RULES) == ["synsent-bad-ack-rst FAIL client 3"]
