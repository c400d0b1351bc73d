"""Whether requests and answers are what an OpenAPI 3.0 document says: as much of it as the hub's document uses.

contract.request_faults(request)              # [] when the document allows it
contract.answer_faults(request, answer)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx

BOUNDS = {
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "uniqueItems": lambda value, bound: not bound or len({json.dumps(v) for v in value}) == len(value),
    "enum": lambda value, bound: value in bound,
}
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
PLAIN = {"description", "example", "nullable", "type", "format", "properties", "items", "required", "additionalProperties"}


class Contract:
    """An OpenAPI document as a judge."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.paths = {re.compile("/" + re.sub(r"\{\w+\}", "([^/]+)", path.strip("/"))): path for path in document["paths"]}

    def operation(self, request: httpx.Request) -> tuple[dict[str, Any], dict[str, str]]:
        """What the document says of a request, and the values in its path. Raises KeyError for what it does not offer."""
        raw = request.url.raw_path.decode().partition("?")[0]
        for pattern, path in self.paths.items():
            if found := pattern.fullmatch(raw):
                names = re.findall(r"\{(\w+)\}", path)
                return self.document["paths"][path][request.method.lower()], dict(
                    zip(names, map(unquote, found.groups()), strict=True)
                )
        raise KeyError(raw)

    def request_faults(self, request: httpx.Request) -> list[str]:
        try:
            operation, in_path = self.operation(request)
        except KeyError as fault:
            return [f"{request.method} {fault} is not offered"]
        return [*self._parameter_faults(operation, request, in_path), *self._body_faults(operation, request)]

    def answer_faults(self, request: httpx.Request, answer: httpx.Response) -> list[str]:
        """Answers to what the document does not offer are not its business."""
        try:
            operation, _ = self.operation(request)
        except KeyError:
            return []
        told = operation["responses"].get(str(answer.status_code))
        if told is None:
            return [f"{request.method} {request.url.path}: status {answer.status_code} is not foreseen"]
        if "content" not in told:
            return [f"{answer.status_code}: a body where none is foreseen"] if answer.content else []
        return self._content_faults(told["content"], answer.headers, answer.content)

    def _parameter_faults(self, operation: dict[str, Any], request: httpx.Request, in_path: dict[str, str]) -> Iterator[str]:
        known = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
        yield from (f"query {name} is not foreseen" for name in request.url.params if name not in known)
        for parameter in operation["parameters"]:
            name, schema = parameter["name"], parameter["schema"]
            values = {
                "path": [in_path.get(name, "")],
                "query": request.url.params.get_list(name),
                "header": request.headers.get_list(name),
            }[parameter["in"]]
            if not values or values == [""]:
                if parameter.get("required"):
                    yield f"{parameter['in']} {name} is missing"
            elif schema.get("type") == "array":
                yield from self.faults([_typed(v, schema["items"]) for v in values], schema, name)
            else:
                yield from self.faults(_typed(values[0], schema), schema, name)

    def _body_faults(self, operation: dict[str, Any], request: httpx.Request) -> list[str]:
        if "requestBody" in operation:
            return self._content_faults(operation["requestBody"]["content"], request.headers, request.content)
        return ["a body where none is foreseen"] if request.content else []

    def _content_faults(self, content: dict[str, Any], headers: httpx.Headers, body: bytes) -> list[str]:
        media = headers.get("content-type", "").partition(";")[0]
        if media not in content:
            return [f"media type {media!r} is not foreseen"]
        try:
            return list(self.faults(json.loads(body), content[media]["schema"], "$"))
        except ValueError:
            return ["the body is not JSON"]

    def faults(self, value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
        """What is wrong with a JSON value by a schema."""
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if value is None and schema.get("nullable"):
            return
        for part in schema.get("allOf", ()):
            yield from self.faults(value, part, where)
        if "type" in schema and (not isinstance(value, TYPES[schema["type"]]) or (schema["type"] == "integer" and value is True)):
            yield f"{where}: {value!r} is no {schema['type']}"
            return
        for word, bound in schema.items():
            if word in BOUNDS and not BOUNDS[word](value, bound):
                yield f"{where}: {value!r} breaks {word} {bound}"
            elif word not in BOUNDS and word not in PLAIN | {"allOf"}:
                yield f"{where}: the schema's {word} is unknown to this check"
        if not _has_format(value, schema.get("format")):
            yield f"{where}: {value!r} is no {schema['format']}"
        if isinstance(value, list) and "items" in schema:
            for n, item in enumerate(value):
                yield from self.faults(item, schema["items"], f"{where}[{n}]")
        if isinstance(value, dict) and "properties" in schema:
            yield from (f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value)
            for name, part in value.items():
                if name in schema["properties"]:
                    yield from self.faults(part, schema["properties"][name], f"{where}.{name}")
                elif schema.get("additionalProperties") is False:
                    yield f"{where}: {name} is not foreseen"


class Watched(httpx.HTTPTransport):
    """The network, with every answer, and the requests of our client too, held against a contract."""

    def __init__(self, contract: Contract | None, *, requests: bool = True) -> None:
        super().__init__()
        self.contract, self.requests = contract, requests
        self.seen: list[str] = []
        self.faults: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if self.contract and self.requests:
            self.faults += self.contract.request_faults(request)
        answer = super().handle_request(request)
        answer.read()
        self.seen.append(f"{request.method} {answer.status_code}")
        if self.contract:
            self.faults += self.contract.answer_faults(request, answer)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """A parameter's text as the JSON value it stands for; the text itself where it stands for none."""
    if schema.get("type") == "integer":
        return int(text) if re.fullmatch(r"-?\d+", text) else text
    return {"true": True, "false": False}.get(text, text) if schema.get("type") == "boolean" else text


def _has_format(value: Any, format: str | None) -> bool:
    """The formats of the hub's document. Its date-times may lack an offset, as the public samples do."""
    try:
        match format:
            case "uuid":
                return str(UUID(value)) == value.lower()
            case "date-time":
                return "T" in value and bool(datetime.fromisoformat(value))
            case "int32":
                return -(2**31) <= value < 2**31
            case _:
                return format is None
    except ValueError:
        return False
