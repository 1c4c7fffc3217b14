'''The catalogue of probes: a module for each chapter, or several: what stands before "_" in its name is the chapter.

**To add a probe**, write one generator function in a module of its chapter; modules are found by themselves:

    @probe(
        "fin-acked-at-once", "T01", "RFC 9293 3.10.7.4; RFC 9293 3.8.6.3 MUST-40", Level.PROCEDURE,
        rules="fin-acked", server=Server.OPEN, holds=Holds.ACCEPTED,
    )
    def fin_acked_at_once(peer: Peer) -> Script:
        """A FIN in ESTABLISHED is acknowledged by its number + 1, within half a second.

        Why it matters, and what known stacks do.
        """
        yield from handshake(peer)
        yield peer.send("F.")
        yield peer.expect(".F? ack 2", within=0.6)

The id is no rule's; scenarios are of ``probes.scenarios``, ``rules`` ids of requirements. ``peer`` is a connection
to the port of ``server``, not yet opened; its numbers count from the ISNs (see ``rawshake.play``). A second parameter
gets the ``Target``: ``peer.another(target.port(Server.CLOSED))``, with ``also=(Server.CLOSED,)``.

**What it says.** An expectation that is not met ends it, as gravely as its ``Level`` says; a lost reply is forgiven,
since it is tried again. Returned can be ``note(...)`` for a choice that the standards leave open or that a widespread
stack makes on purpose, named; ``warn(...)``; ``broken(...)`` for what no ``expect`` can say; or several, as a tuple.
``undecided(...)`` ends a probe that cannot tell: what it needed for its question did not come about.

**What there is.** ``park``: ``yield from fin_wait_1(peer)`` and so on bring the target into each state, and give the
``Block`` of its numbers. ``prove``: ``lives(peer, block)`` and ``gone(peer, block)`` expect, ``alive`` asks, ``quiet``
and ``silent`` watch past retransmissions, ``state_of`` tells the state. ``peer.quiet(WATCH)`` is silence to the letter.
``agent``: with ``server=Server.AGENT`` the peer is a control connection, ``agent = yield from hire(peer)`` takes orders
over it, and ``served(agent)`` and ``dialled(agent)`` give the connections that are looked at. No probe needs to close:
whatever the end, each connection is left with an exact reset. One stimulus for a connection: stacks limit the rate of
their challenge ACKs; who needs a second waits 0.6 s, or sends an octet.

**How it is tested.** By itself: ``tests/probes/test_catalogue.py`` plays each against an honest stack
(``tests/probes/stack.py``, extended where a probe needs more of it), where it must PASS, and then against a twin for
every field of every expectation, where it must not. So expect what matters, field by field, and no more than the clause
says: an expectation that cannot fail is found. What twins cannot show (a ``note``) gets a test of its own in
``tests/probes/chapters``.
'''
