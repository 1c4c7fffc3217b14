"""The tracker against two honest ends: what it calls proven is true, and what it expects comes true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, View
from tests.tcp.honest import Honest
from tests.tcp.world import Path, Tap, World

SCRIPTS = st.lists(st.integers(0, 255), min_size=4, max_size=90)
ISNS = st.sampled_from([(0xFFFFFFFF, 0x7FFFFFFE), (0xFFFFFFF0, 0xFFFFFF00), (0, 0x80000000)])
CALM: frozenset[str] = frozenset()
LOSSY = frozenset({"lose", "reorder", "repeat"})

#: States that an end passes through, for a moment, where one segment brings two news; and CLOSED, see below.
RESTLESS = {State.SYN_RECEIVED, State.FIN_WAIT_2, State.CLOSING, State.CLOSED}


def unsound(view: View, end: Honest, *, exact: bool) -> str | None:
    """What the tracker calls proven of an end and is not true of it.

    Proven may lag behind. ``exact``: the tap misses nothing that the end sends and sees it in order, and so
    must know which FIN came first.
    """
    state, history = view.proven, end.history
    sent_fin = end.fin is not None
    # Back in LISTEN it has no connection either; who only sees its resets cannot tell the two.
    closed = State.CLOSED in history[1:] or history.count(State.LISTEN) > 1
    facts = {
        State.CLOSED: closed or end.state is State.CLOSED,
        State.LISTEN: State.LISTEN in history or closed,
        State.SYN_SENT: State.SYN_SENT in history,
        State.SYN_RECEIVED: end.got_syn,
        State.ESTABLISHED: State.ESTABLISHED in history or (end.got_syn and end.una > end.iss),
        State.FIN_WAIT_1: sent_fin,
        State.FIN_WAIT_2: end.fin_acked,
        State.CLOSE_WAIT: end.got_fin,
        State.CLOSING: sent_fin and end.got_fin,
        State.LAST_ACK: sent_fin and end.got_fin,
        State.TIME_WAIT: end.fin_acked and end.got_fin,
    }
    if state is not None and not facts[state]:
        return f"{state} is not true of {history}"
    if exact and state is not None and state not in RESTLESS and state not in history:
        return f"{state} is not among {history}"
    if view.got_syn and not end.got_syn:
        return "it got no SYN"
    if view.got_fin and not end.got_fin:
        return "it got no FIN"
    if view.iss == end.iss and view.una_proven is not None and view.una_proven > end.una:
        return f"SND.UNA {view.una_proven} is not yet proven: {end.una}"
    if view.acked is not None and end.rcv_nxt is not None and view.acked > end.rcv_nxt:
        return f"it has not got {view.acked}"
    return None


def run(
    world: World, script: list[int], openers: tuple[End, ...], *, aborts: bool, check: Callable[[World], None]
) -> None:
    """Do as the script says: each number chooses among all that can happen then."""
    for end in End:
        if end in openers:
            world.do(end, "opens", world.ends[end].open())
        else:
            world.ends[end].listen()
    check(world)
    for number in script:
        choices = world.choices()
        if not choices or number < 90:
            choices = choices + [act for end in End for act in acts(world, end, aborts=aborts)]
        choices[number % len(choices)]()
        check(world)


def acts(world: World, end: End, *, aborts: bool) -> list[Callable[[], None]]:
    """What an end may do of its own will."""
    honest = world.ends[end]
    found: list[Callable[[], None]] = [
        lambda: world.do(end, "sends", honest.send(5)),
        lambda: world.do(end, "closes", honest.close()),
        lambda: world.do(end, "acknowledges", honest.acknowledge()),
    ]
    # Who sends again while the answer is under way looks like one that has lost it.
    if world.path.before or world.path.after or world.quiet():
        found.append(lambda: world.do(end, "sends again", honest.again()))
    if aborts:
        found.append(lambda: world.do(end, "aborts", honest.abort()))
    return found


def views(world: World) -> list[tuple[View, Honest]]:
    """What the tracker holds of each end, beside that end."""
    tracker = world.tracker
    if tracker is None:
        return []
    by_name = {tracker.client: tracker.ends.client, tracker.server: tracker.ends.server}
    return [(by_name[honest.here], honest) for honest in world.ends.values()]


def is_sound(world: World) -> None:
    for view, honest in views(world):
        wrong = unsound(view, honest, exact=not world.path.before)
        if wrong is not None:
            raise AssertionError("\n".join([*world.log, f"{honest.here}: {wrong}"]))


@pytest.mark.parametrize("openers", [(End.CLIENT,), (End.CLIENT, End.SERVER)], ids=["one opens", "both open"])
@pytest.mark.parametrize("path", [Path(CALM, LOSSY), Path(LOSSY, LOSSY)], ids=["by the senders", "between"])
@given(script=SCRIPTS, isns=ISNS, delays=st.booleans(), appendix=st.booleans(), aborts=st.booleans())
def test_what_a_tap_calls_proven_is_true(
    openers: tuple[End, ...],
    path: Path,
    script: list[int],
    isns: tuple[int, int],
    delays: bool,
    appendix: bool,
    aborts: bool,
) -> None:
    world = World(Tap.BETWEEN, path, isns, delays, appendix)
    run(world, script, openers, aborts=aborts, check=is_sound)


def knows_its_end(world: World) -> None:
    """At an end nothing is unknown of it: proven and expected are its state, and the numbers are its numbers."""
    is_sound(world)
    for view, honest in views(world):
        if world.at(End.CLIENT if honest.here == world.ends[End.CLIENT].here else End.SERVER):
            found: tuple[State | None, ...] = (view.proven, view.expected)
            wanted: tuple[State | None, ...] = (honest.state, honest.state)
            if honest.state is State.LISTEN:
                found, wanted = (view.expected,), (State.LISTEN,)
            numbers: tuple[Seq | None, ...] = ()
            truth: tuple[Seq | None, ...] = ()
            if honest.state not in (State.CLOSED, State.LISTEN):
                numbers = (view.iss, view.una, view.una_proven, view.nxt, view.rcv_nxt)
                truth = (honest.iss, honest.una, honest.una, honest.nxt, honest.rcv_nxt)
            if (found, numbers) != (wanted, truth):
                raise AssertionError(
                    "\n".join([*world.log, f"{honest.here}: {found} {numbers}", f"truth: {wanted} {truth}"])
                )


@pytest.mark.parametrize("openers", [(End.CLIENT,), (End.CLIENT, End.SERVER)], ids=["one opens", "both open"])
@pytest.mark.parametrize("tap", [Tap.CLIENT, Tap.SERVER])
@given(script=SCRIPTS, isns=ISNS, delays=st.booleans(), appendix=st.booleans(), aborts=st.booleans())
def test_at_an_end_all_of_it_is_known(
    openers: tuple[End, ...],
    tap: Tap,
    script: list[int],
    isns: tuple[int, int],
    delays: bool,
    appendix: bool,
    aborts: bool,
) -> None:
    world = World(tap, Path(LOSSY, LOSSY), isns, delays, appendix)
    run(world, script, openers, aborts=aborts, check=knows_its_end)


@pytest.mark.parametrize("tap", Tap)
@given(script=SCRIPTS, isns=ISNS, delays=st.booleans())
def test_what_is_expected_of_both_ends_comes_true_when_all_arrives(
    tap: Tap, script: list[int], isns: tuple[int, int], delays: bool
) -> None:
    """Late, but all of it and in order: then both ends are where they are expected to be."""
    world = World(tap, Path(), isns, delays)
    run(world, script, (End.CLIENT,), aborts=False, check=is_sound)
    while not world.quiet():
        world.choices()[0]()
    for view, honest in views(world):
        if view.expected is not honest.state:
            raise AssertionError("\n".join([*world.log, f"{view.end}: {view.expected}, not {honest.state}"]))
