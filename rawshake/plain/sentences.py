"""The sentence for each segment, as one would say it to a newcomer; what else happened to it follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rawshake.plain.asides import RIGHT, asides, differences
from rawshake.plain.language import ENGLISH, Language, phrase
from rawshake.plain.meaning import Meaning, meaning
from rawshake.plain.numbers import named, octets
from rawshake.tcp.seq import Seq
from rawshake.tcp.view import End, Step, View

# Translators: {sender} and {receiver} are "the client" and "the server", {Sender} and {Receiver} the same where a
# sentence begins. {seq} is the first number of the segment,
# {fin} that of its FIN, {ack} what it acknowledges, {theirs} the number of the other end's FIN, {next} the number
# after the segment, {wanted} what its receiver waits for; all of them look like "a+1 = 1165886956". {octets} is
# "22 octets". What stands between quotation marks is what one end says to the other.
_SENTENCES: Final = {
    Meaning.COPY: phrase(
        "A copy of an earlier segment arrives; {sender} has said nothing new."
    ),
    Meaning.SYN: phrase(
        '{Sender} asks: "Can you hear me?" With that it leaves CLOSED and is in SYN-SENT. It counts from {seq}: '
        "a sequence number of its own choice, not a port. The SYN takes one number, so {next} comes next."
    ),
    Meaning.SYN_AGAIN: phrase(
        'No answer has come, so {sender} asks once more: "Can you hear me?" The number is the same, {seq}.'
    ),
    Meaning.SYN_ANEW: phrase(
        '{Sender} asks anew, from the same port: "Can you hear me?" This connection counts from {seq}.'
    ),
    Meaning.SYN_CROSSING: phrase(
        '{Sender} asks, too: "Can you hear me?" It counts from {seq}. Both have dialled at once: a simultaneous open.'
    ),
    Meaning.SYN_INSIDE: phrase(
        '{Sender} asks "Can you hear me?" in the middle of a connection. {Receiver} does not begin anew for that: '
        "it answers with an ACK, which says where it stands."
    ),
    Meaning.SYN_ACK: phrase(
        '{Sender} answers: "I hear you. Can you hear me?" ACK {ack} is the number that it expects next; '
        "its own SYN counts from {seq}."
    ),
    Meaning.SYN_ACK_AGAIN: phrase(
        '{Sender} says once more: "I hear you. Can you hear me?" It has heard no answer to that. '
        "The numbers are the same, {seq} and ACK {ack}."
    ),
    Meaning.SYN_ACK_CROSSING: phrase(
        '{Sender}, which had asked itself, answers the other SYN: "I hear you. Can you hear me?" '
        "Its number is still {seq}, and ACK {ack} is what it expects next."
    ),
    Meaning.SYN_ACK_WRONG: phrase(
        "{Sender} answers with ACK {ack}, but {receiver} has sent nothing that this could acknowledge; "
        "it expected ACK {right}. So {receiver} has to answer with a RST."
    ),
    Meaning.ACK_OF_SYN: phrase(
        '{Sender}: "I hear you." It acknowledges the SYN with {ack}, and has not sent a SYN of its own yet.'
    ),
    Meaning.THIRD_ACK: phrase(
        '{Sender}: "I hear you!" ACK {ack} is the number of the other SYN plus one. {Sender} is ESTABLISHED, '
        "and so is {receiver} once this arrives: that was the three-way handshake."
    ),
    Meaning.THIRD_ACK_OF_MORE: phrase(
        '{Sender}: "I hear you!" ACK {ack} says that it has everything before that, data included. {Sender} is '
        "ESTABLISHED, and so is {receiver} once this arrives."
    ),
    Meaning.DATA: phrase(
        "{Sender} speaks: {octets} of data, from {seq} on. ACK {ack} says that it has everything before that."
    ),
    Meaning.DATA_AGAIN: phrase(
        "{Sender} sends {octets} of data from {seq} on once more: it has seen no ACK for them."
    ),
    Meaning.DATA_BEYOND_GAP: phrase(
        "{Sender} sends {octets} of data, from {seq} on. {Receiver} still waits for {wanted}: something before "
        "these is missing."
    ),
    Meaning.DATA_AFTER_FIN: phrase(
        "{Sender} still has something to say: {octets} of data, from {seq} on. {Receiver} is done speaking and goes "
        "on listening: the connection is half-closed."
    ),
    Meaning.DATA_ON_THIRD_ACK: phrase(
        '{Sender}: "I hear you!", and it goes on speaking at once: {octets} of data, from {seq} on, ride on the '
        "third segment. ACK {ack} says that it has everything before that."
    ),
    Meaning.DATA_WITH_ACK_OF_FIN: phrase(
        '{Sender}: "All right, one moment: I still have something to say." ACK {ack} is the number of the FIN, '
        "{theirs}, plus one, and {octets} of data, from {seq} on, ride along."
    ),
    Meaning.WINDOW_PROBE: phrase(
        '{Sender} asks at the closed window: "Is there room again?" '
        "{Receiver} answers with an ACK that tells its window."
    ),
    Meaning.ACK: phrase('{Sender}: "I have got everything before {ack}. Go on there."'),
    Meaning.ACK_AND_FULL: phrase(
        '{Sender}: "I have got everything before {ack}, but now there is no room left. Wait." Its window is 0.'
    ),
    Meaning.ACK_OF_MORE: phrase(
        '{Sender} repeats: "I have got everything before {ack}." The SACK option adds what it has got beyond that; '
        "what lies between is missing."
    ),
    Meaning.ACK_REPEATED: phrase(
        '{Sender} repeats: "I have got everything before {ack}." So an end answers what it cannot use, or had '
        "already, and whoever asks whether it is still there."
    ),
    Meaning.ACK_OVERTAKEN: phrase(
        "This ACK, {ack}, is older than one that {sender} has sent already: it was overtaken on the way."
    ),
    Meaning.ACK_WRONG: phrase("{Sender} acknowledges what it cannot have received, with ACK {ack}."),
    Meaning.ACK_FIRST_SEEN: phrase(
        '{Sender}: "I have got everything before {ack}." How the connection was opened has not been seen.'
    ),
    Meaning.WINDOW_CLOSED: phrase('{Sender}: "Wait, there is no room left." Its window is 0.'),
    Meaning.WINDOW_OPENED: phrase(
        '{Sender}: "There is room again, for {window}. Go on at {ack}." That is a window update.'
    ),
    Meaning.WINDOW_GROWN: phrase(
        '{Sender}: "There is more room now, for {window}." That is a window update; ACK {ack} is as before.'
    ),
    Meaning.KEEP_ALIVE: phrase(
        '{Sender}: "Are you still there?" That is a keep-alive: its number, {seq}, was acknowledged before, '
        "and so {receiver} has to answer."
    ),
    Meaning.FIN: phrase(
        '{Sender}: "I have said everything; let us stop." The FIN takes one number, {fin}. {Sender} is the first to '
        "close: it says nothing more, but still listens."
    ),
    Meaning.FIN_AGAIN: phrase(
        '{Sender} says once more: "I have said everything; let us stop." It has seen no ACK for its FIN, {fin}.'
    ),
    Meaning.FIN_CROSSING: phrase(
        '{Sender}: "I have said everything; let us stop." It has not heard yet that the other end says so, too: '
        "both close at once, a simultaneous close. Its FIN has the number {fin}."
    ),
    Meaning.FIN_AND_ACK: phrase(
        '{Sender}: "All right, and I am done too." One segment says both: ACK {ack} is the number of the other FIN, '
        "{theirs}, plus one, and {fin} is its own FIN. So this close takes three segments, not four."
    ),
    Meaning.FIN_SECOND: phrase(
        '{Sender}: "I am done too." Its FIN has the number {fin}. The other FIN it had acknowledged before; '
        "now it waits in LAST-ACK for the last ACK."
    ),
    Meaning.FIN_WITH_WRONG_ACK: phrase('{Sender}: "I am done too." Its FIN has the number {fin}.'),
    Meaning.ACK_OF_FIN: phrase(
        '{Sender}: "All right, one moment." ACK {ack} is the number of the FIN, {theirs}, plus one. '
        "{Sender} may still speak: it is in CLOSE-WAIT."
    ),
    Meaning.ACK_OF_CROSSING_FIN: phrase(
        '{Sender}: "All right." ACK {ack} is the number of the FIN that crossed its own, {theirs}, plus one. '
        "Where both close at once, both go through TIME-WAIT."
    ),
    Meaning.LAST_ACK: phrase(
        '{Sender}: "All right." ACK {ack} is the number of the FIN, {theirs}, plus one. With this last ACK TIME-WAIT '
        "begins for {sender}, which closed first; {receiver} is CLOSED once it arrives."
    ),
    Meaning.LAST_ACK_AGAIN: phrase(
        '{Sender} says once more: "All right." The other end has asked again; to answer that, it is in TIME-WAIT.'
    ),
    Meaning.REFUSAL: phrase(
        '{Sender}: "Not here." Nobody listens at that port, or nobody may call: the RST refuses the connection.'
    ),
    Meaning.RESET: phrase(
        "{Sender} hangs up with a RST: nothing more is sent or acknowledged, and no end goes through TIME-WAIT."
    ),
    Meaning.RESET_OF_STRAY: phrase(
        '{Sender}: "I know of no such connection." The RST says that what came belongs to none.'
    ),
    Meaning.RESET_OF_WRONG_ACK: phrase(
        '{Sender}: "I never said that." It has not sent what was acknowledged, and answers with a RST, whose number '
        "{seq} is that of the wrong ACK."
    ),
    Meaning.RESET_UNBELIEVED: phrase(
        "{Sender} sends a RST whose numbers do not fit. {Receiver} must not believe it: anybody could have sent that."
    ),
    Meaning.RESET_DOUBTED: phrase(
        "{Sender} sends a RST that lies in the window, but not at the number that {receiver} expects, {wanted}. "
        "So {receiver} does not believe it at once, and asks back with an ACK."
    ),
    Meaning.MUTE: phrase("{Sender} sends a segment without ACK, which nobody can use in a connection."),
}  # fmt: skip

#: Where data rides on what is there for something else.
_WITH_DATA: Final = phrase("{octets} of data ride on it.")
_ON_SYN: Final = frozenset({Meaning.SYN, Meaning.SYN_ANEW, Meaning.SYN_AGAIN, Meaning.SYN_ACK})
_ON_FIN: Final = frozenset(
    {
        Meaning.FIN,
        Meaning.FIN_AGAIN,
        Meaning.FIN_CROSSING,
        Meaning.FIN_AND_ACK,
        Meaning.FIN_SECOND,
        Meaning.FIN_WITH_WRONG_ACK,
    }
)
_BEFORE_FIN: Final = phrase(
    "{octets} of data stand before the FIN, from {seq} on, so its own number comes after them."
)

_NAMES: Final = {End.CLIENT: phrase("the client"), End.SERVER: phrase("the server")}


def sentence(step: Step, language: Language = ENGLISH) -> str:
    """What the segment says, in one to three short sentences; its text is ours, but for numbers."""
    return " ".join(_parts(step, language))


def _parts(step: Step, language: Language) -> Iterator[str]:
    segment = step.segment if step.meant is None else step.meant
    said = meaning(step)
    values = _values(step, language)
    if differences(step, language)[0]:
        yield language.say(RIGHT)
    yield language.say(_SENTENCES[said], **values)
    if segment.payload_length and said in _ON_SYN:
        yield language.say(_WITH_DATA, **values)
    if segment.payload_length and said in _ON_FIN:
        yield language.say(_BEFORE_FIN, **values)
    yield from asides(step, said, language, values)


def _values(step: Step, language: Language) -> dict[str, str]:
    """What may stand in braces; what is not known is a question mark, and stands in no sentence chosen."""
    segment = step.segment if step.meant is None else step.meant
    sender, receiver = step.now, step.peer_now

    def number(value: Seq | None, owner: View) -> str:
        return "?" if value is None else named(value, owner, language)

    names = {"sender": _NAMES[step.sender], "receiver": _NAMES[step.receiver]}
    return {
        **{key: language.translate(name) for key, name in names.items()},
        **{key.capitalize(): _capital(language.translate(name)) for key, name in names.items()},
        "seq": number(segment.seq, sender),
        "next": number(segment.end, sender),
        "fin": number(segment.fin_seq, sender),
        "ack": number(segment.ack, receiver),
        "right": number(step.peer_was.nxt, receiver),
        "theirs": number(step.peer_was.fin, receiver),
        "wanted": number(step.peer_was.rcv_nxt, sender),
        "octets": octets(segment.payload_length, language),
        "window": octets(step.now.window or 0, language),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
