"""What reads, runs or sends is done in one place each, and every sibling path stays shut.

The first fix of many an incident left one open: a second XML reader that nobody hardened, a client with other rules beside the one
that has them (CVE-2026-55471 in HL7's own library; CVE-2023-28465 after CVE-2023-24057). So the product's own source is read here,
and what is on the list below is refused everywhere but in the files that are named, with the reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PRODUCT = ("adapter", "mappings")
FORBIDDEN: dict[str, str] = {
    # reads what can run, or builds objects of any type (CWE-502)
    "pickle": "builds objects of any type",
    "cPickle": "builds objects of any type",
    "marshal": "builds objects of any type",
    "shelve": "is pickle",
    "dill": "is pickle",
    "jsonpickle": "builds objects of any type",
    "yaml": "builds objects of any type where it is not told otherwise",
    # runs what it is given
    "eval": "runs text",
    "exec": "runs text",
    "compile": "makes code of text",
    "code": "runs text",
    "subprocess": "starts programs",
    "os.system": "starts programs",
    "os.popen": "starts programs",
    "os.exec": "starts programs",
    "os.spawn": "starts programs",
    "pty": "starts programs",
    "ctypes": "leaves Python",
    # reads XML beside the hardened parser (CWE-611, CWE-776)
    "xml": "knows no limit and takes a DOCTYPE",
    "defusedxml": "knows no limit on depth",
    "lxml.etree.parse": "reads XML past the hardened parser",
    "lxml.etree.fromstring": "reads XML past the hardened parser",
    "lxml.etree.XML": "reads XML past the hardened parser",
    "lxml.etree.iterparse": "reads XML past the hardened parser",
    "lxml.etree.XMLParser": "is a parser with rules of its own",
    "lxml.etree.XMLPullParser": "is a parser with rules of its own",
    "lxml.etree.HTMLParser": "is a parser with rules of its own",
    "lxml.etree.XSLT": "runs a program in XML",
    "lxml.html": "is a parser with rules of its own",
    "lxml.objectify": "is a parser with rules of its own",
    # tokens by another library
    "jose": "is unmaintained (CVE-2024-33663)",
    "jwt": "knows no proof of possession (CVE-2022-29217)",
    "authlib": "knows no proof of possession (CVE-2024-37568)",
    # chance that can be foreseen, and digests that can be made twice
    "random": "can be foreseen",
    "hashlib.md5": "can be made twice",
    "hashlib.sha1": "can be made twice",
    # sends past the bounds and the rules of the one client
    "httpx.Client": "has none of the bounds of adapter.http_client.client",
    "httpx.AsyncClient": "has none of the bounds of adapter.http_client.client",
    "httpx.get": "has none of the bounds of adapter.http_client.client",
    "httpx.post": "has none of the bounds of adapter.http_client.client",
    "httpx.request": "has none of the bounds of adapter.http_client.client",
    "httpx.stream": "has none of the bounds of adapter.http_client.client",
    "urllib.request": "follows redirects, and reads files",
    "requests": "is a second client",
    "aiohttp": "is a second client",
    "http.client": "is a second client",
    "ftplib": "sends unprotected",
    "smtplib": "sends unprotected",
    "telnetlib": "sends unprotected",
    # archives that write where they like (CVE-2007-4559)
    "tarfile": "writes where the archive says",
    "zipfile": "writes where the archive says",
    "tempfile.mktemp": "names a file that another may make first",
}
_SANDBOX = "the sandbox plays the other side, on loopback: what it sends is what the product must bear"
_APART = "tells tries apart in time; nobody gains by foreseeing it"
ALLOWED: dict[tuple[str, str], str] = {
    ("adapter/http_client.py", "httpx.Client"): "the one place that makes clients",
    ("adapter/console/package.py", "tarfile"): "writes the package of our own definitions, and opens none",
    ("mappings/messages/xml.py", "lxml.etree.XMLParser"): "the one hardened parser of messages",
    ("mappings/messages/xml.py", "lxml.etree.XMLPullParser"): "counts elements before the tree is made",
    ("mappings/messages/xml.py", "lxml.etree.fromstring"): "the one hardened parser of messages",
    (
        "adapter/r4/checks/narrative.py",
        "lxml.etree.XMLParser",
    ): "XHTML within a resource, whose size is bounded",
    ("adapter/r4/checks/narrative.py", "lxml.etree.fromstring"): "XHTML within a resource, as above",
    ("adapter/r4/xml.py", "lxml.etree.XMLParser"): "reads what we have written ourselves, to indent it",
    ("adapter/r4/xml.py", "lxml.etree.fromstring"): "reads what we have written ourselves, to indent it",
    ("adapter/sandbox/hub_document.py", "lxml.etree.XMLParser"): _SANDBOX,
    ("adapter/sandbox/hub_document.py", "lxml.etree.fromstring"): _SANDBOX,
    ("adapter/sandbox/partner_notices.py", "httpx.Client"): _SANDBOX,
    ("adapter/sandbox/run.py", "httpx.Client"): _SANDBOX,
    ("adapter/sandbox/run.py", "httpx.get"): _SANDBOX,
    ("adapter/sandbox/run.py", "subprocess"): "starts the service and the simulated servers, each by a fixed command",
    ("adapter/storage/store.py", "random"): _APART,
    ("adapter/usecases/breaker.py", "random"): _APART,
    ("adapter/usecases/deliver.py", "random"): _APART,
    (
        "adapter/domain/identity.py",
        "hashlib.sha1",
    ): "UUIDs of version 5 are made with it (RFC 9562 5.5)",
}
"""(file, what it uses): why it may."""


BUILTINS = {"eval", "exec", "compile"}


def names_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every imported module, every imported name and every dotted name as it is called, by its whole name; with its line."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                known[one.asname or one.name.split(".")[0]] = one.name if one.asname else one.name.split(".")[0]
                yield one.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                known[one.asname or one.name] = f"{node.module}.{one.name}"
                yield f"{node.module}.{one.name}", node.lineno
    types = {id(part) for one in _annotations(tree) for part in ast.walk(one)}  # what only names a type does nothing
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute | ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in types
            and (dotted := _dotted(node))
        ):
            head, _, rest = dotted.partition(".")
            if head not in known and dotted not in BUILTINS:
                continue  # a name of its own
            yield f"{known.get(head, head)}{'.' if rest else ''}{rest}", node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("__import__", "import_module"):
            yield from ((str(one.value), node.lineno) for one in node.args if isinstance(one, ast.Constant))


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        wanted = (getattr(node, "annotation", None), getattr(node, "returns", None))
        yield from (one for one in wanted if isinstance(one, ast.expr))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def breaches(source: str, file: str) -> set[tuple[str, str]]:
    """(file, what is forbidden) of a source."""
    found = set()
    for name, _ in names_of(ast.parse(source)):
        for forbidden in FORBIDDEN:
            starts = forbidden in ("os.exec", "os.spawn") and name.startswith(forbidden)
            if starts or name == forbidden or name.startswith(f"{forbidden}."):
                found.add((file, forbidden))
    return found


def all_breaches(root: Path) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for folder in PRODUCT:
        for file in sorted((root / folder).rglob("*.py")):
            found |= breaches(file.read_text("utf-8"), file.relative_to(root).as_posix())
    return found


def test_what_is_done_in_one_place_is_done_nowhere_else(root: Path) -> None:
    assert sorted(all_breaches(root) - ALLOWED.keys()) == []


def test_no_exception_is_kept_that_nobody_needs(root: Path) -> None:
    assert sorted(ALLOWED.keys() - all_breaches(root)) == []


def parsers(source: str) -> list[set[str]]:
    """What each XML parser that is made there is told, as `name=value`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = [call for call in calls if _dotted(call.func).endswith(("XMLParser", "XMLPullParser"))]
    return [{f"{word.arg}={ast.unparse(word.value)}" for word in call.keywords} for call in made]


def test_every_xml_parser_resolves_nothing_and_fetches_nothing(root: Path) -> None:
    files = sorted({file for file, name in ALLOWED if name.startswith("lxml.etree.XML")})
    told = [one for file in files for one in parsers((root / file).read_text("utf-8"))]

    assert len(told) >= 5
    assert [one for one in told if not {"resolve_entities=False", "no_network=True"} <= one] == []
    assert parsers("etree.XMLParser(resolve_entities=True)") == [{"resolve_entities=True"}]


PLANTED = {
    "pickle": "import pickle",
    "yaml": "from yaml import load",
    "xml": "from xml.etree import ElementTree as E\nE.parse('x')",
    "lxml.etree.fromstring": "from lxml import etree\netree.fromstring(b'<a/>')",
    "lxml.etree.XMLParser": "import lxml.etree as e\ne.XMLParser()",
    "lxml.etree.parse": "from lxml.etree import parse as p",
    "eval": "x = eval('1')",
    "exec": "def f():\n  exec('1')",
    "subprocess": "def f():\n  import subprocess",
    "os.system": "import os\nos.system('id')",
    "os.exec": "import os\nos.execv('id', [])",
    "httpx.Client": "import httpx as h\nwith h.Client() as c: pass",
    "httpx.get": "from httpx import get",
    "random": "from random import choice",
    "jose": "from jose import jwt",
    "tarfile": "__import__('tarfile')",
    "hashlib.sha1": "from hashlib import sha1 as s",
}


@pytest.mark.parametrize("forbidden", PLANTED)
def test_each_kind_is_seen_however_it_is_written(forbidden: str) -> None:
    assert ("x.py", forbidden) in breaches(PLANTED[forbidden], "x.py")


def test_what_only_looks_like_it_is_let_be() -> None:
    harmless = "import re\nfrom adapter.r4 import xml, json\nx = re.compile('a')\nevaluate(x)\nfrom httpx import Auth, URL"

    assert breaches(harmless, "x.py") == set()
