"""A person or party met again: what a message says is laid over what is known, and nothing is blanked.

Who says so: a message is a statement, not a register (HIS 80517 makes most of a person's data optional), so an element that
is absent removes nothing. For what is present, FHIR R4's own semantics decide:

- `Identifier` and `ContactPoint` are values in a set: united by system and value.
- A `HumanName` or `Address` replaces the stored one of the same use, which is kept with `use` *old*. `use` is a modifier
  element and *old* says just this, "no longer in use - or was never correct, but retained for records". Its `period.end`
  is left alone: the message says that the name is another one now, not when it became so.
- A telephone number that a newer message leaves out may still be right, so it is kept as it was.
- A choice element (`deceased[x]`) and a primitive's extensions (`_birthDate`) belong to the value: they go with it.
- Any other list is the newest statement of its element, and replaces the older.

>>> merge({"gender": "female", "telecom": [{"system": "phone", "value": "1"}]}, {"telecom": [{"system": "phone", "value": "2"}]})
{'gender': 'female', 'telecom': [{'system': 'phone', 'value': '1'}, {'system': 'phone', 'value': '2'}]}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Element = dict[str, Any]

CHOICES: Final = ("deceased", "multipleBirth")


def merge(old: Element, new: Element) -> Element:
    """The stored resource with the new one laid over it. Doing so twice changes nothing more."""
    merged = {key: value for key, value in old.items() if key in new or not _displaced(key, new)}
    for key, value in new.items():
        merged[key] = _RULES[key](old[key], value) if key in old and key in _RULES else value
    return merged


def overlay(old: Element, new: Element) -> Element:
    """The stored resource with what a cancellation says laid over it: what it leaves out is kept, extension by extension."""
    united: Element = {key: _RULES[key](old[key], new[key]) for key in ("meta", "extension") if key in old and key in new}
    return {**old, **new, **united}


def _displaced(key: str, new: Element) -> bool:
    """Whether the new resource says this element in another form: `_x` for `x`, or another type of a choice."""
    bare = key.removeprefix("_")
    if bare in new or f"_{bare}" in new:
        return True
    choice = next((c for c in CHOICES if bare.startswith(c)), None)
    return choice is not None and any(k.removeprefix("_").startswith(choice) for k in new)


def _set(*parts: str) -> Callable[[list[Element], list[Element]], list[Element]]:
    """Unite two lists by these elements; where both have a member, what the new one says wins."""

    def unite(old: list[Element], new: list[Element]) -> list[Element]:
        said = {_key(member, parts): member for member in new}
        kept = [{**member, **said.pop(_key(member, parts), {})} for member in old]
        return kept + list(said.values())

    return unite


def _key(member: Element, parts: tuple[str, ...]) -> str:
    return repr([member.get(part) for part in parts]) if parts else repr(sorted(member.items(), key=lambda item: item[0]))


def _current(old: list[Element], new: list[Element]) -> list[Element]:
    """The new names or addresses first; the stored ones of their uses after them as *old*, the others as they were."""
    uses = {member.get("use") for member in new}
    said = [_without_use(member) for member in new]
    kept = [
        {**member, "use": "old"} if member.get("use") in uses else member
        for member in old
        if member not in new and (_without_use(member) not in said or member.get("use") not in (*uses, "old"))
    ]
    return new + [member for n, member in enumerate(kept) if member not in new and member not in kept[:n]]


def _without_use(member: Element) -> Element:
    return {key: value for key, value in member.items() if key != "use"}


def _meta(old: Element, new: Element) -> Element:
    merged = {**old, **new}
    for key in ("profile", "tag", "security"):
        if key in old and key in new:
            merged[key] = old[key] + [member for member in new[key] if member not in old[key]]
    return merged


def _by_url(old: list[Element], new: list[Element]) -> list[Element]:
    urls = {member.get("url") for member in new}
    return [member for member in old if member.get("url") not in urls] + new


_RULES: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "meta": _meta,
    "extension": _by_url,
    "identifier": _set("system", "value"),
    "telecom": _set("system", "value"),
    "name": lambda old, new: _current(old, new) if isinstance(new, list) and isinstance(old, list) else new,
    "address": _current,
    "qualification": _set("code"),
    "endpoint": _set("reference", "identifier"),
}
