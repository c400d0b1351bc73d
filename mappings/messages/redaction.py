"""The bytes of a message about a patient whose address is confidential, as they may be kept: without what gives the place away.

    kept = redacted(message)      # a message that has been read (`reading.read`), and so is well-formed and without DOCTYPE

Taken out: everything in an `Address` (of anybody: a GP's tells the district), fixed telephones of the patient and of those around,
names of workplaces and of other units around the patient, and the patient's street wherever else it is written. All other bytes
are as they came, also the line that each stands on, so that the message can be read and explained again. The words that say how
the address is protected stay in its place, in one form: so a kept message says the same again, and is itself redacted already.
An attachment's own bytes (Base64) are not looked into.
"""

from __future__ import annotations

import html
import re
from typing import Final

from adapter.domain.address_protection import landline
from mappings.resources.protected import OMITTED, in_words, is_street, level_of_texts

_TOKEN: Final = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+>", re.DOTALL
)  # of what is well-formed
_NAME: Final = re.compile(rb"</?(?:[^\s/>:]+:)?([^\s/>]+)")
_ATTRIBUTE: Final = re.compile(rb"(\s)([^\s=<>]+)(\s*=\s*)(\"[^\"]*\"|'[^']*')")
_SAYING: Final = frozenset({b"V", b"DN", b"OT"})
_KEPT: Final = frozenset({"Type", "TeleAddress"})
"""Elements within an Address that say nothing of where it is; a telephone is judged by itself."""
_PLACES: Final = frozenset({"Arbeidssted", "NameInst"})
_PRIVATE: Final = frozenset({"Patient", "Person", "Referanseperson", "PatRelperson", "PatRelInst", "Kontaktenhet"})
_AT_WORK: Final = frozenset(
    {"Sender", "Receiver", "OtherReceiver", "KontaktpersonHelsepersonell", "AnsvarForRapport"}
    | {"Requester", "ServProvider", "CopyDest", "PatRelHCP"}
)


def redacted(message: bytes) -> bytes:
    """The message without what gives the place away. Doing so twice changes nothing more."""
    return _Redaction(message).made()


class _Redaction:
    """One pass over the tags of a message. Every encoding that is read has ASCII's bytes for what is markup."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._out: list[bytes] = []
        self._open: list[str] = []
        self._said: list[str] = []  # what stood in the element that is being blanked
        self._streets: set[bytes] = set()

    def made(self) -> bytes:
        at = 0
        for token in _TOKEN.finditer(self._message):
            self._text(self._message[at : token.start()])
            self._tag(token[0])
            at = token.end()
        self._text(self._message[at:])
        kept = b"".join(self._out)
        for street in sorted(self._streets, key=len, reverse=True):
            kept = kept.replace(street, OMITTED.encode())
        return kept

    def _tag(self, token: bytes) -> None:
        if token.startswith(b"</"):
            self._end(token)
        elif token.startswith((b"<!", b"<?")):
            self._text(token)
        else:
            named = _NAME.match(token)
            self._open.append(named[1].decode("latin-1") if named else "")
            self._said = []
            self._out.append(_ATTRIBUTE.sub(self._attribute, token) if self._blanks() or self._open[-1] == "TeleAddress" else token)
            if token.endswith(b"/>"):
                self._open.pop()

    def _end(self, token: bytes) -> None:
        if self._blanks() and self._said:
            self._note("".join(self._said))
            self._out.append(self._words("".join(self._said)))
            self._said = []
        self._out.append(token)
        if self._open:
            self._open.pop()

    def _text(self, text: bytes) -> None:
        if self._blanks() and text.strip():
            inner = text[9:-3] if text.startswith(b"<![CDATA[") else b"" if text.startswith(b"<") else text
            self._said.append(inner.decode("latin-1"))
            text = b"\n" * text.count(b"\n")
        self._out.append(text)

    def _attribute(self, found: re.Match[bytes]) -> bytes:
        said = found[4][1:-1].decode("latin-1")
        if found[2] not in _SAYING or (self._open[-1] == "TeleAddress" and not self._tells_where(said)):
            return found[0]
        self._note(said)
        lines = b" " * said.count("\n")  # none in practice; a line break in an attribute is read as a blank
        return found[1] + found[2] + found[3] + b'"' + self._words(said) + lines + b'"'

    def _blanks(self) -> bool:
        """Whether what the innermost element says is taken out."""
        if not self._open:
            return False
        name, above = self._open[-1], self._open[:-1]
        if "Address" in above:
            return name not in _KEPT
        return name in _PLACES or (name == "OrganisationName" and "Kontaktenhet" in above)

    def _tells_where(self, number: str) -> bool:
        whose = next((name for name in reversed(self._open) if name in _PRIVATE or name in _AT_WORK), "")
        return whose not in _AT_WORK and landline(html.unescape(number).removeprefix("tel:"))

    def _of_patient(self) -> bool:
        return "Patient" in self._open and "Address" in self._open

    def _note(self, said: str) -> None:
        """Remember the patient's street, to find it elsewhere: what has a number in it, and is no word for being protected."""
        if self._of_patient() and is_street(html.unescape(said)):
            self._streets.add(said.strip().encode("latin-1"))

    def _words(self, said: str) -> bytes:
        """What stands in the place of what was said: how the patient's address is protected, where it told that."""
        level = level_of_texts([html.unescape(said)]) if self._of_patient() else ""
        return in_words(level).encode("ascii") if level else b""
