"""The ordinary resource, accepted at a glance: types as msgspec structs, which compiled C compares with the JSON.

A struct knows less than `compiled`: no contained resources, no narrative, no extensions but simple ones at the resource
and its backbones, few datatypes. What it does not know or does not like it leaves to the full check, which alone says what
is wrong; so all that matters is that nothing is accepted which the full check would find fault with
(`tests/r4/test_checker_quick.py`). An ordinary Task takes a quarter of the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from threading import Lock
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from adapter.domain.identity import BASE
from adapter.r4 import norwegian
from adapter.r4.checks.bindings import SHAPES
from adapter.r4.checks.identifiers import URI, is_uri
from adapter.r4.checks.moments import may_precede
from adapter.r4.checks.primitives import LONGEST
from adapter.r4.checks.references import LITERAL
from adapter.r4.checks.rules import ELSEWHERE, Rule, rule_of
from adapter.r4.checks.scope import Scope
from adapter.r4.definitions import Element, Type, codes, json_names, known_codes, known_extension, resource_types, type_named
from adapter.r4.json import Number, encode

_YEAR: Final = r"(?!0000)[0-9]{4}"
_DAY: Final = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_ZONE: Final = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_UUID: Final = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OID: Final = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"


def _text(pattern: str) -> Any:
    return Annotated[str, Meta(pattern=rf"\A(?:{pattern})\Z", max_length=LONGEST)]


_NEVER: Final = Annotated[str, Meta(pattern="(?!)")]
_STRING: Final = Annotated[str, Meta(min_length=1, max_length=LONGEST)]  # and see _ESCAPED
_ADDRESS: Final = rf"{_UUID}|{_OID}|(?!urn:(?:oid|uuid):|#)[!-~]+"
_URI: Final = _text(_ADDRESS)
_PRIMITIVES: Final[dict[str, Any]] = {
    "boolean": bool,
    "canonical": _URI,
    "code": _text(r"[!-~]+"),
    "date": _text(rf"{_YEAR}(?:-(?:{_MONTH}|{_DAY}))?"),
    "dateTime": _text(rf"{_YEAR}(?:-(?:{_MONTH}|(?:{_DAY})(?:T{_CLOCK}{_ZONE})?))?"),
    "id": _text(r"[A-Za-z0-9\-.]{1,64}"),
    "instant": _text(rf"{_YEAR}-(?:{_DAY})T{_CLOCK}{_ZONE}"),
    "integer": Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
    "markdown": _STRING,
    "positiveInt": Annotated[int, Meta(ge=1, le=2**31 - 1)],
    "string": _STRING,
    "unsignedInt": Annotated[int, Meta(ge=0, le=2**31 - 1)],
    "uri": _URI,
    "url": _URI,
}
_relative: Final = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}").fullmatch
_is_code: Final = re.compile(r"[!-~]+").fullmatch
_is_uri: Final = re.compile(_ADDRESS).fullmatch
_DATATYPES: Final = frozenset(
    {"Address", "Annotation", "CodeableConcept", "Coding", "ContactPoint", "HumanName", "Identifier", "Meta", "Period"}
    | {"Quantity", "Reference"}
)
_LEFT_OUT: Final = {
    "resource": frozenset({"modifierExtension"}),
    "backbone": frozenset({"modifierExtension", "id"}),
    "datatype": frozenset({"id", "extension", "assigner"}),  # an Identifier's assigner has identifiers itself
}
"""Elements that are left to the full check, beside all of types that are unknown here."""


_ESCAPED: Final = re.compile(rb'\\(?:u00|[bf])|"\\[nrt]')
"""In JSON without white space: a control character, or a text that begins with white space, which may be all of it."""


class _Doubt(ValueError):
    """Not for a glance to decide."""


def accepts(resource: Any) -> bool:
    """Is there nothing to say of the resource, its profiles apart? False says nothing: ask the full check."""
    type = resource.get("resourceType") if resource.__class__ is dict else None
    if type.__class__ is not str or type not in resource_types() or type == "Bundle":  # which has rules of its own
        return False
    model, rules = _model(type)
    try:
        msgspec.convert(resource, type=model)
        text = encode(resource)
    except (ValueError, TypeError, RecursionError):  # msgspec's ValidationError is a ValueError
        return False
    if b'" ' in text or (b"\\" in text and _ESCAPED.search(text)):
        return False
    if type == "Patient" and len(resource.get("identifier", ())) > 1:
        return False  # several national numbers have rules of their own
    scope = Scope(resource)
    return all(rule(resource, scope) for rule in rules)


_making = Lock()


def _model(type: str) -> tuple[Any, tuple[Rule, ...]]:
    """The struct of a resource type and its rules, made by one thread.

    What msgspec knows of a struct it gathers at its first use, and another thread that uses the struct meanwhile ends the process
    (a segmentation fault, msgspec 0.22). So the first use is here too.
    """
    with _making:
        return _made(type)


@cache
def _made(type: str) -> tuple[Any, tuple[Rule, ...]]:
    definition = type_named(type)
    rules = tuple(rule_of(name, type) for name in definition.invariants if name not in ELSEWHERE)
    model = _struct(definition, ())
    with suppress(msgspec.ValidationError):
        msgspec.convert({}, type=model)
    return model, rules


@cache
def _datatype(name: str, targets: tuple[str, ...]) -> Any:
    return _struct(type_named(name), targets)


def _struct(type: Type, targets: tuple[str, ...]) -> Any:
    """A struct of what a glance can judge of a type. A name in JSON may be a word of Python's, hence the `_` behind each."""
    fields: list[Any] = [("resourceType_", Literal[type.name])] if type.kind == "resource" else []
    spans = []
    for element in type.elements.values():
        members = [(name, _annotation(type, element, of)) for name, of in json_names(element).items()]
        known = [(name, of) for name, of in members if of is not None]
        if not known and element.least:
            fields.append((f"{element.name}_", _NEVER))  # what must be there is for the full check, so all that has it is
        if element.choice:
            spans.append((len(fields), len(fields) + len(known), element.least))
        for name, of in known:
            must = element.least and not element.choice
            fields.append((name + "_", of) if must else (name + "_", of | UnsetType, UNSET))
    return msgspec.defstruct(
        type.name.replace(".", "_"),
        fields,
        namespace=_hook(type, targets, len(fields), spans),
        rename=lambda name: name[:-1],
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )


def _annotation(type: Type, element: Element, of: str) -> Any:
    """What a member may hold, None where it is left to the full check."""
    if type.name in {"Coding", "Identifier"} and element.name in {"system", "code"}:
        return str  # their hooks look, and remember the few that there are
    if element.invariants or element.name in _LEFT_OUT[type.kind]:
        return None
    if type.name == "Quantity" and of == "decimal":
        return Any  # a struct knows no Number; `_quantity` looks
    one = _one(type, element, of)
    return Annotated[list[one], Meta(min_length=1)] if one is not None and element.most == 0 else one  # type: ignore[valid-type]


def _one(type: Type, element: Element, of: str) -> Any:
    if of == "code" and element.binding:
        systems = codes(element.binding)
        if systems is None:
            return _text(SHAPES[element.binding].pattern) if element.binding in SHAPES else None
        return Literal[tuple(sorted(frozenset().union(*systems.values())))]
    if of in _PRIMITIVES:
        return _PRIMITIVES[of]
    if of in _DATATYPES and not element.binding:
        return _datatype(of, element.targets if of == "Reference" else ())
    if of == "Extension":
        return _datatype(of, ())
    backbone = type_named(of)
    in_itself = (type.name + ".").startswith(of + ".")  # as Questionnaire.item.item, which goes round in circles
    return _datatype(of, ()) if backbone.kind == "backbone" and not backbone.invariants and not in_itself else None


# --- what a struct cannot say


def _hook(type: Type, targets: tuple[str, ...], size: int, spans: list[tuple[int, int, int]]) -> dict[str, Any]:
    """What is looked at once a struct is filled: the rules of its type, else that it is not empty and has one of each choice."""
    if type.name == "Reference":
        return {"__post_init__": _reference(frozenset(targets) or resource_types())}
    if type.name in _SPECIALS:
        return {"__post_init__": _SPECIALS[type.name]}
    if not spans and any(element.least for element in type.elements.values()):
        return {}

    def check(self: Any) -> None:
        values = astuple(self)
        if values.count(UNSET) == size:
            raise _Doubt
        for start, end, least in spans:
            given = end - start - values[start:end].count(UNSET)
            if given > 1 or given < least:
                raise _Doubt

    return {"__post_init__": check}


def _reference(allowed: frozenset[str]) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        if self.reference_ is not UNSET:
            relative = _relative(self.reference_)
            type = relative[1] if relative is not None else _absolute(self.reference_)
            if type not in allowed or self.type_ is not UNSET:
                raise _Doubt
        elif self.type_ is UNSET:
            if self.identifier_ is UNSET and self.display_ is UNSET:
                raise _Doubt
        elif self.type_ not in allowed:
            raise _Doubt

    return check


def _absolute(address: str) -> str:
    """The type in an address of another server."""
    literal = LITERAL.fullmatch(address)
    return literal[2] if literal is not None else ""


@lru_cache(4096)
def _is_good_coding(system: Any, code: str) -> bool:
    """A national series whose code is missing is looked at as an identifier, so a code there must be."""
    known = known_codes(system) if system is not UNSET else None
    return bool(_is_code(code) and (system is UNSET or (_is_uri(system) and ":" in system)) and (known is None or code in known))


def _coding(self: Any) -> None:
    if self.code_ is UNSET or not _is_good_coding(self.system_, self.code_):
        raise _Doubt


@lru_cache(1024)
def _is_good_system(system: str) -> bool:
    return ":" in system and bool(_is_uri(system))


def _identifier(self: Any) -> None:
    system, value = self.system_, self.value_
    if value is UNSET:
        raise _Doubt
    if system == URI:
        if not is_uri(value):
            raise _Doubt
        return
    if system is not UNSET and not _is_good_system(system):
        raise _Doubt
    series = norwegian.SYSTEMS.get(system)
    if series is not None and (self.type_ is not UNSET or not series.valid(value)):
        raise _Doubt


def _concept(self: Any) -> None:
    if self.coding_ is UNSET and self.text_ is UNSET:
        raise _Doubt


def _period(self: Any) -> None:
    if self.start_ is UNSET or self.end_ is UNSET:
        if self.start_ is self.end_:
            raise _Doubt
    elif not may_precede(self.start_, self.end_):
        raise _Doubt


def _quantity(self: Any) -> None:
    if self.value_.__class__ is not int and self.value_.__class__ is not Number:
        raise _Doubt
    if (self.code_ is UNSET) != (self.system_ is UNSET):
        raise _Doubt


def _contact_point(self: Any) -> None:
    if self.system_ is UNSET:
        raise _Doubt


def _extension(self: Any) -> None:
    """It has an address, not one of ours or of R4's own, and one value."""
    values = astuple(self)
    is_defined = self.url_.startswith(BASE) or known_extension(self.url_) is not None
    if ":" not in self.url_ or is_defined or values.count(UNSET) != len(values) - 2:
        raise _Doubt


_SPECIALS: Final[Mapping[str, Callable[[Any], None]]] = {
    "CodeableConcept": _concept,
    "Coding": _coding,
    "ContactPoint": _contact_point,
    "Extension": _extension,
    "Identifier": _identifier,
    "Period": _period,
    "Quantity": _quantity,
}
