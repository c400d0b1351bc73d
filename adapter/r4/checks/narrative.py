"""Narrative.div: safe, well-formed XHTML of the few elements that R4 allows (https://hl7.org/fhir/R4/narrative.html).

What breaks the rules is refused, never mended: a text that somebody signs must not be changed on its way. The markup may
end in a page of a program that reads it as HTML, so what XML hides and HTML shows is refused too (CDATA, comments that
hold markup, processing instructions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, Final

from lxml import etree

from adapter.domain.problem import Kind
from adapter.r4.checks.faults import MOST, PAGES, Fault, shown, wrong_json

XHTML: Final = "{http://www.w3.org/1999/xhtml}"
PAGE: Final = PAGES + "narrative.html"

# HTML 4.0.1 chapters 7-11 (but 9.4, ins and del) and 15 without what is deprecated there, with a, img and its maps.
_ELEMENTS: Final = """
a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6
hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
_ATTRIBUTES: Final = """
abbr accesskey align alt axis border cellpadding cellspacing char charoff charset cite class colspan coords dir frame
headers height href hreflang id ismap lang longdesc name nohref rel rev rowspan rules scope shape span src start style
summary tabindex title type usemap valign value width
{http://www.w3.org/XML/1998/namespace}lang {http://www.w3.org/XML/1998/namespace}space
"""
ELEMENTS: Final = frozenset(_ELEMENTS.split())
ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split())
LINKS: Final = frozenset({"href", "src", "cite", "longdesc", "usemap"})
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "ftp", "urn"})
CROWD: Final = 100
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_SCHEME: Final = re.compile(r"([^/?#:]*):")
_PICTURE: Final = re.compile(r"data:\s*image/(png|gif|jpe?g|bmp|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_STYLE: Final = re.compile(r"url\s*\(|expression\s*\(|image(-set)?\s*\(|@|script:|behavior|-moz-binding|\\|/\*|<", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r"<!(?!--)|<\?", re.ASCII)


def xhtml(value: Any, _: Any) -> list[Fault] | None:
    """All that is wrong with a narrative's markup; None where nothing is."""
    if value.__class__ is not str:
        return wrong_json(value, "a string of XHTML", "en tekst med XHTML", "narrative.html")
    if _FORBIDDEN.search(value) or any(set("<>") & set(comment) for comment in _comments(value)):
        return [
            _form(
                "A narrative holds no DOCTYPE, processing instruction or CDATA, and no markup in comments.",
                "En beskrivende tekst har ikke DOCTYPE, prosesseringsinstruksjon eller CDATA, og ikke oppmerking i kommentarer.",
            )
        ]
    if _is_crowded(value):
        en, nb = (
            "A tag in the narrative has too many attributes.",
            "Et element i den beskrivende teksten har for mange attributter.",
        )
        return [_form(en, nb)]
    try:
        root = etree.fromstring(value, _parser())
    except (etree.XMLSyntaxError, ValueError):
        return [
            _form(
                "The narrative is not well-formed XML. HTML's own entities (&nbsp;) do not exist there: write the character.",
                "Den beskrivende teksten er ikke velformet XML. HTMLs egne entiteter (&nbsp;) finnes ikke der: skriv tegnet.",
            )
        ]
    elements = (fault for element in root.iter("*") for fault in _element(element))
    return [*_root(root), *islice(elements, MOST), *_content(root)] or None


def _comments(text: str) -> Iterator[str]:
    """What stands in comments; a regular expression would begin anew at each that is never closed."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        yield text[start + 4 : end if end >= 0 else len(text)]
        start = text.find("<!--", end) if end >= 0 else -1


def _is_crowded(text: str) -> bool:
    """Has a tag more attributes than the standard has names for? libxml2 compares each with each: 50,000 take it 13 s."""
    tags = (tag for tag in text.split("<") if tag.count("=") > CROWD) if text.count("=") > CROWD else ()
    return any(_QUOTED.sub("", tag).partition(">")[0].count("=") > CROWD for tag in tags)


@cache
def _parser() -> etree.XMLParser:
    """Resolves nothing; comments are left out, having been looked at."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, huge_tree=False)


def _form(en: str, nb: str) -> Fault:
    return Fault(Kind.INVALID, en, nb, PAGE + "#xhtml")


def _rule(en: str, nb: str, key: str = "txt-1") -> Fault:
    return Fault(Kind.INVARIANT, en, nb, key)


def _root(root: etree._Element) -> list[Fault]:
    if root.tag == XHTML + "div":
        return []
    return [
        _form(
            "The narrative must be one div, in the namespace http://www.w3.org/1999/xhtml.",
            "Den beskrivende teksten må være én div, i navnerommet http://www.w3.org/1999/xhtml.",
        )
    ]


def _element(element: etree._Element) -> list[Fault]:
    tag = str(element.tag)
    name = tag.removeprefix(XHTML)
    if not tag.startswith(XHTML) or name not in ELEMENTS:
        local = shown(etree.QName(element).localname)
        return [
            _rule(f"The narrative may not hold the element {local}.", f"Den beskrivende teksten kan ikke ha elementet {local}.")
        ]
    return [fault for key, value in element.attrib.items() for fault in _attribute(name, str(key), str(value))]


def _attribute(element: str, name: str, value: str) -> list[Fault]:
    if name not in ATTRIBUTES:
        local = shown(etree.QName(name).localname)
        return [
            _rule(
                f"The element {element} in the narrative may not have the attribute {local}.",
                f"Elementet {element} i den beskrivende teksten kan ikke ha attributtet {local}.",
            )
        ]
    if name in LINKS and not _link_is_safe(element, value):
        return [
            _rule(
                f"A link in the narrative ({name}) may lead to http, https, mailto, tel or within the text only.",
                f"En lenke i den beskrivende teksten ({name}) kan bare gå til http, https, mailto, tel eller innenfor teksten.",
            )
        ]
    if name == "style" and _STYLE.search(value):
        return [
            _rule(
                "A style in the narrative may fetch or run nothing: no url(), expression(), @ or escapes.",
                "En stil i teksten kan ikke hente eller kjøre noe: ikke url(), expression(), @ eller omskrivninger.",
            )
        ]
    return []


def _link_is_safe(element: str, value: str) -> bool:
    """Browsers drop control characters and blanks from an address before they read its scheme; so do we."""
    bare = "".join(c for c in value if c > " " and c.isprintable())
    scheme = _SCHEME.match(bare)
    return scheme is None or scheme[1].lower() in SCHEMES or (element == "img" and _PICTURE.fullmatch(value.strip()) is not None)


def _content(root: etree._Element) -> list[Fault]:
    if any(text.strip() for text in root.itertext()) or next(root.iter(XHTML + "img"), None) is not None:
        return []
    return [
        _rule(
            "The narrative says nothing: it needs some text or an image.",
            "Den beskrivende teksten er tom: den må ha tekst eller et bilde.",
            "txt-2",
        )
    ]
