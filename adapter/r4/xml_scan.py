"""Where each element of a well-formed XML text begins and ends, which no parser tells: for places in findings and verbatim parts.

>>> [text[a:b] for text in ["<a x='>'><!-- <c> --><b/></a>"] for a, b in spans(text)]
["<a x='>'><!-- <c> --><b/></a>", '<b/>']
"""

from __future__ import annotations

import re

_TAG = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?P<end>/)?[^\s/>]++(?:[^\"'/>]++|\"[^\"]*+\"|'[^']*+'|/(?!>))*+(?P<empty>/)?>",
    re.DOTALL,
)


def spans(text: str) -> list[tuple[int, int]]:
    """Begin and end of each element, in the order of their start tags; comments, CDATA and instructions are none."""
    found: list[tuple[int, int]] = []
    open_: list[int] = []
    for tag in _TAG.finditer(text):
        if tag["end"]:
            begun = open_.pop()
            found[begun] = (found[begun][0], tag.end())
        elif text[tag.start() + 1] not in "!?":
            if not tag["empty"]:
                open_.append(len(found))
            found.append(tag.span())
    return found
