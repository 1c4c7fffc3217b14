"""The options that several commands share, and how their words become values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from rawshake.errors import Exit, Failure
from rawshake.permitted import PERMISSION
from rawshake.profile import SECOND, Deviation, parse_deviation, whole_number

if TYPE_CHECKING:
    from rawshake.api.crafting import Crafting
    from rawshake.impair import Impairment
    from rawshake.tcp.option import Option

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

#: RFC 9293 section 3.4.2 has MSL as two minutes.
TWO_MSL: Final = 240 * SECOND


def number(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from ``low`` to ``high``, decimal or 0x.. ."""

    def whole(text: str) -> int:
        try:
            found = whole_number(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is not a whole number.") from None
        if not low <= found <= high:
            raise click.BadParameter(f"{text} is not between {low} and {high}.")
        return found

    return whole


def port(text: str) -> int:
    """A port to connect to."""
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise click.BadParameter(f"{text!r} is not a port: a number from 1 to 65535.")
    if int(text) == 0:
        raise Failure(Exit.PORT_ZERO, "Nothing can listen on port 0.", "Name the server's port, 1 to 65535.")
    return int(text)


def seconds(low: float, high: float, *, msl: bool = False) -> Callable[[str], int]:
    """A reader of durations from ``low`` to ``high`` seconds, as nanoseconds; ``2msl`` if ``msl``."""

    def duration(text: str) -> int:
        also = " or 2msl" if msl else ""
        if msl and text.lower() == "2msl":
            return TWO_MSL
        if not re.fullmatch(r"-?[0-9]*\.?[0-9]+|[0-9]+\.", text):  # float() would take nan, 1_0 and 1e3
            raise click.BadParameter(f"{text!r} is not a number of seconds{also}.")
        found = float(text)
        if not low <= found <= high:
            raise click.BadParameter(f"{text} is not between {low:g} and {high:g} seconds{also}.")
        return round(found * SECOND)

    return duration


def rate(text: str) -> float:
    """So many a second, more than 0; decimals may follow."""
    if not re.fullmatch(r"[0-9]*\.?[0-9]+|[0-9]+\.", text) or not 0 < float(text) <= 1e9:
        raise click.BadParameter(f"{text!r} is not a number a second, more than 0.")
    return float(text)


def bad(text: str) -> Deviation:
    """STEP.FIELD=VALUE: a wrong number to send on purpose."""
    try:
        return parse_deviation(text)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from None


def impaired(harm: str) -> Callable[[str], tuple[Impairment, ...]]:
    """A reader of WHICH,...: segments to harm in that way on our own side."""

    def read(text: str) -> tuple[Impairment, ...]:
        from rawshake.impair import Harm, parse

        try:
            return parse(Harm[harm], text)
        except ValueError as wrong:
            raise click.BadParameter(str(wrong)) from None

    return read


def _flattened(
    ctx: click.Context, parameter: click.Parameter, groups: Sequence[Sequence[object]]
) -> tuple[object, ...]:
    return tuple(chain.from_iterable(groups))


def tcp_options(text: str) -> tuple[Option, ...]:
    """TCP options as packetdrill writes them."""
    from rawshake.tcp.notation import parse_options

    try:
        options = parse_options(text.strip())
    except ValueError as wrong:
        raise click.BadParameter(f"{text!r} cannot be read: {wrong}") from None
    if sum(len(option.wire) for option in options) > 40:
        raise click.BadParameter(f"{text!r} is longer than the 40 octets that a header has for options.")
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the user asked of our output."""

    verbose: int
    compact: bool
    quiet: bool
    ascii: bool
    colour: str
    json: str | None
    pcap: str | None
    explain: bool = False
    lang: str | None = None
    html: str | None = None
    svg: str | None = None

    @property
    def silent(self) -> bool:
        """Whether standard output belongs to one of the files."""
        return "-" in (self.json, self.html, self.svg)


def language(text: str) -> str:
    """A language that explanations come in."""
    from rawshake.api.languages import known, unknown

    code = known(text)
    if code is None:
        raise unknown(text)
    return code


def _options(*decorators: Callable[[CommandT], CommandT]) -> Callable[[CommandT], CommandT]:
    def decorate(command: CommandT) -> CommandT:
        return reduce(lambda wrapped, decorator: decorator(wrapped), reversed(decorators), command)

    return decorate


def _impairment(harm: str, text: str, metavar: str = "WHICH,...") -> Callable[[CommandT], CommandT]:
    return click.option(
        f"--{harm}",
        type=impaired(harm.upper()),
        multiple=True,
        callback=_flattened,
        metavar=metavar,
        help=text,
    )


#: For commands that ask ``permitted.require_permitted``.
permission_option = click.option(
    PERMISSION,
    "allowed",
    is_flag=True,
    help="HOST is in no private or test network, and I may test it.",
)

crafting_options = _options(
    click.option(
        "--isn", type=number(0, 2**32 - 1), metavar="N", help="Initial sequence number; random unless given."
    ),
    click.option(
        "--sport",
        type=number(0, 65535),
        metavar="PORT",
        default="0",
        help="Our port; any free one unless given.",
    ),
    click.option("--source", metavar="ADDRESS", help="Our address, one of this machine's."),
    click.option("--interface", metavar="NAME", help="Send over this interface, whatever the routes say."),
    click.option(
        "--ttl", type=number(1, 255), metavar="N", default="64", show_default=True, help="TTL or hop limit."
    ),
    click.option(
        "--window",
        type=number(0, 65535 << 14),
        metavar="N",
        default="64240",
        show_default=True,
        help="Receive window, octets.",
    ),
    click.option(
        "--mss",
        type=number(0, 65535),
        metavar="N",
        help="Value of the MSS option; from the interface unless given.",
    ),
    click.option("--wscale", type=number(0, 255), metavar="N", help="Offer window scale with this shift."),
    click.option("--timestamps", is_flag=True, help="Offer timestamps."),
    click.option("--sack", is_flag=True, help="Offer selective acknowledgments."),
    click.option("--ecn", is_flag=True, help="Offer ECN."),
    click.option(
        "--options",
        type=tcp_options,
        metavar="<...>",
        help='All options of the SYN as written: "<mss 1460,nop,wscale 7>".',
    ),
    click.option("-4", "family", flag_value=4, type=int, help="IPv4 only."),
    click.option("-6", "family", flag_value=6, type=int, help="IPv6 only."),
    click.option(
        "--timeout",
        type=seconds(0.01, 3600),
        default="10",
        show_default=True,
        metavar="SECONDS",
        help="How long to go on without an answer.",
    ),
    click.option(
        "--retries",
        type=number(0, 100),
        metavar="N",
        default="6",
        show_default=True,
        help="How often to send anything again.",
    ),
    click.option(
        "--bad",
        type=bad,
        multiple=True,
        metavar="STEP.FIELD=VALUE",
        help="Send a wrong number: STEP is syn, synack, ack, data, fin or lastack; FIELD is seq, ack, flags, "
        "checksum or window; VALUE is absolute, or +n or -n from the right one.",
    ),
    _impairment(
        "drop",
        "Lose segments on our own side, of either direction: synack:1 is the first SYN-ACK that "
        "comes, 7 the seventh segment, 5% each by chance, data:5% so named.",
    ),
    _impairment("duplicate", "Let segments go on twice."),
    _impairment("reorder", "Let the next of that direction overtake segments."),
    _impairment("delay", "Hold segments back: data:5%=20ms; 100 ms unless said.", "WHICH=TIME,..."),
    _impairment("corrupt", "Spoil segments, so that their checksum is wrong."),
    click.option(
        "--seed",
        type=number(0, 2**63),
        metavar="N",
        default="0",
        show_default=True,
        help="What chance hangs on.",
    ),
    click.option(
        "--delayed-ack",
        type=seconds(0, 0.5),
        metavar="SECONDS",
        default="0",
        show_default=True,
        help="How long to hold back the ACK of a single segment.",
    ),
    permission_option,
)


def crafting_options_but(*left_out: str, **replaced: str) -> Callable[[CommandT], CommandT]:
    """The same without those called ``left_out``, and with other help texts for those ``replaced``."""

    def decorate(command: CommandT) -> CommandT:
        command = crafting_options(command)
        parameters: list[click.Option] = command.__click_params__  # type: ignore[attr-defined]
        parameters[:] = [one for one in parameters if one.name not in left_out]
        for parameter in parameters:
            parameter.help = replaced.get(parameter.name or "", parameter.help)
        return command

    return decorate


explain_options = _options(
    click.option(
        "--explain",
        is_flag=True,
        help="Say of each segment in plain words what it does, and what the states mean.",
    ),
    click.option(
        "--lang",
        type=language,
        metavar="LANGUAGE",
        help="Explain in that language, en or ko; in that of the locale unless given.",
    ),
)

step_option = click.option(
    "--step", is_flag=True, help="Show each segment of ours before it leaves, and why, and wait for Enter."
)

output_options = _options(
    click.option(
        "-v", "--verbose", count=True, help="Show every rule that was exercised, not only broken ones."
    ),
    explain_options,
    click.option("--compact", is_flag=True, help="One line a segment, in packetdrill's notation."),
    click.option("-q", "--quiet", is_flag=True, help="The verdict line only."),
    click.option("--ascii", is_flag=True, help="No characters beyond ASCII."),
    click.option(
        "--color",
        "colour",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour or not.",
        show_default=True,
    ),
    click.option(
        "--json", metavar="FILE", help="Write the whole report; - is standard output, without the ladder."
    ),
    click.option("--pcap", metavar="FILE", help="Write the frames, for Wireshark and the like."),
)

html_option = click.option(
    "--html",
    metavar="FILE",
    help="Write a page for a browser, one file that needs no other; - is standard output.",
)
svg_option = click.option(
    "--svg",
    metavar="FILE",
    help="Write the ladder as a picture for a slide or a README; - is standard output.",
)


GroupT = TypeVar("GroupT", "Crafting", Output)


def take(kind: type[GroupT], given: dict[str, object]) -> GroupT:
    """Move the values that belong to ``kind`` out of a command's parameters."""
    values: dict[str, Any] = {e.name: given.pop(e.name) for e in fields(kind) if e.name in given}
    return kind(**values)
