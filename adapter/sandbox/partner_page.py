"""A simulated FHIR server's own page: the assignments that it has, answers to them at a click, and how it is made to fail.

| Request | What it does |
|---|---|
| `GET /` | the page |
| `POST /sandbox/faults` | a fault (`adapter.sandbox.partner_faults.Fault`), as JSON or from a form; `GET` says which one there is |
| `POST /sandbox/answers` | `task` and `move` (`partner_answers.MOVES`) of a form: somebody there answers an assignment |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapter.domain.assignment import CODES
from adapter.domain.problem import Problem
from adapter.ports import Clause, Clock, Match, Query, Store, Stored
from adapter.sandbox.pages import look, page
from adapter.sandbox.partner_answers import MOVES, OPEN, answered
from adapter.sandbox.partner_faults import MODES, Faults, read_fault
from adapter.sandbox.partner_notices import ASSIGNMENT, FOLLOW_UP, Notices, is_assignment
from adapter.usecases.update_resource import update
from adapter.usecases.writing import Body, Rules, When, body_of
from mappings import terms

SHOWN: Final = 20


@dataclass(frozen=True)
class Shown:
    """What the page is about."""

    name: str
    organisation: str
    store: Store
    rules: Rules
    clock: Clock
    faults: Faults
    notices: Notices


def pages(server: Shown) -> list[Route]:
    """The routes, over this server."""

    async def start(_: Request) -> Response:
        return page(f"Simulated FHIR server: {server.name}", _content(server, await run_in_threadpool(_newest, server)))

    async def order(request: Request) -> Response:
        try:
            form, said = await _said(request)
            server.faults.fault = read_fault(said)
        except (msgspec.MsgspecError, ValueError) as fault:
            return JSONResponse({"error": str(fault)}, 400)
        return _back() if form else ordered()

    async def answer(request: Request) -> Response:
        try:
            _, said = await _said(request)
            await run_in_threadpool(_answer, server, str(said["task"]), str(said["move"]))
        except (KeyError, ValueError, Problem) as fault:
            return JSONResponse({"error": str(fault)}, 400)
        return _back()

    def ordered() -> Response:
        return JSONResponse(asdict(server.faults.fault))

    async def asked(_: Request) -> Response:
        return ordered()

    return [
        Route("/", start),
        Route("/sandbox/faults", order, methods=["POST"]),
        Route("/sandbox/faults", asked, methods=["GET"]),
        Route("/sandbox/answers", answer, methods=["POST"]),
        look(),
    ]


def _back() -> Response:
    return RedirectResponse("/", 303)


async def _said(request: Request) -> tuple[bool, dict[str, Any]]:
    """Whether it came from the page's own form, and what it says. Raises ValueError."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise ValueError("a page of another site asked for this")
    body = await request.body()
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        said = msgspec.json.decode(body)
        if not isinstance(said, dict):
            raise ValueError("a JSON object is needed")
        return False, said
    form: dict[str, Any] = dict(parse_qsl(body.decode("utf-8", "replace")))
    if "count" in form:
        form["count"] = int(form["count"])
    return True, form


def _newest(server: Shown) -> list[Stored]:
    codes = [Match(ASSIGNMENT, code) for code in CODES]
    with server.store.read() as unit:
        return list(unit.search(server.organisation, Query("Task", [Clause("code", codes)], limit=SHOWN)).found)


def _answer(server: Shown, id: str, move: str) -> None:
    """Write the answer as a client of this server would, and tell of it."""
    with server.store.read() as unit:
        stored = unit.read(server.organisation, "Task", id)
    if stored is None or not is_assignment(task := body_of(stored)) or move not in OPEN.get(task["status"], ()):
        raise ValueError("there is no such assignment, or it cannot be answered so")
    now = server.clock.now()
    after, when = answered(task, move, now), When(f'W/"{stored.version}"')
    server.store.run(lambda unit: update(unit, server.rules, server.organisation, after, now, id=id, when=when))
    server.notices.look()


def _content(server: Shown, tasks: Sequence[Stored]) -> str:
    fault, notices = server.faults.fault, server.notices
    lasting = "until it is changed" if fault.count is None else f"requests that this still befalls: {fault.count}"
    told = (
        f"It tells <code>{escape(notices.address)}</code> of each change: {notices.sent} told, {notices.failed} of them in vain."
        if notices.address
        else "It tells nobody of changes: they are found by looking."
    )
    rows = "".join(_row(server, body_of(one)) for one in tasks) or '<tr><td colspan="6">None yet.</td></tr>'
    return f"""<p>Plays the FHIR server of organisation {escape(server.organisation)} on this machine: plain FHIR R4, at
<a href="/fhir/metadata">/fhir</a>. {told}</p>
<h2>How it behaves</h2>
<p>Now it <strong>{MODES[fault.mode]}</strong>{"" if fault.mode == "well" else f", {lasting}"}. This page itself always answers.
From a program: <code>curl --json '{{"mode": "slow", "seconds": 8, "count": 3}}' …/sandbox/faults</code></p>
<div class="scroll">
<table>
<thead><tr><th scope="col">Let it be</th><th scope="col">What it then does</th><th scope="col">For how long</th></tr></thead>
<tbody>
{"".join(_mode(mode, what, current=mode == fault.mode) for mode, what in MODES.items())}
</tbody>
</table>
</div>
<h2>Assignments</h2>
<div class="scroll">
<table>
<caption>The newest {len(tasks)}; reload for later ones. All: <a href="/fhir/Task">Tasks</a>,
<a href="/fhir/CareTeam">teams</a></caption>
<thead><tr><th scope="col">Assignment</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Answer by</th>
<th scope="col">Status</th><th scope="col">Answer</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""


def _mode(mode: str, what: str, *, current: bool) -> str:
    once = "" if mode == "well" else _form("faults", {"mode": mode, "count": "1"}, "the next request")
    always = _form("faults", {"mode": mode}, "from now on")
    mark = ' aria-current="true"' if current else ""
    return f"<tr{mark}><td>{mode}</td><td>{what}</td><td>{once}{always}</td></tr>\n"


def _row(server: Shown, task: Body) -> str:
    mine = _number(task, "owner") == server.organisation
    moves = OPEN.get(task["status"], ()) if mine else ()
    buttons = "".join(_form("answers", {"task": task["id"], "move": move}, MOVES[move][1]) for move in moves)
    cells = (
        f'<a href="/fhir/Task/{escape(task["id"])}">{escape(_kind(task))}</a><br>pathway {escape(_pathway(task))}',
        escape(_number(task, "requester")),
        escape(_number(task, "owner")),
        f"<time>{escape(str(task.get('restriction', {}).get('period', {}).get('end', '')))}</time>",
        escape(": ".join(filter(None, (task["status"], task.get("statusReason", {}).get("text"))))),
        buttons,
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _form(where: str, said: dict[str, str], name: str) -> str:
    fields = "".join(f'<input type="hidden" name="{key}" value="{escape(value)}">' for key, value in said.items())
    return f'<form method="post" action="/sandbox/{where}">{fields}<button>{name}</button></form>'


def _kind(task: Body) -> str:
    return next(_names(task), "Task")


def _names(task: Body) -> Iterator[str]:
    for coding in task.get("code", {}).get("coding", []):
        if coding.get("system") in (ASSIGNMENT, FOLLOW_UP):
            yield (terms.displays(coding["system"]) or {}).get(coding.get("code"), coding.get("code", ""))


def _pathway(task: Body) -> str:
    """The beginning of its id, as the service's pages have it in their address."""
    return str(task.get("groupIdentifier", {}).get("value", "")).removeprefix("urn:uuid:")[:8] or "not said"


def _number(task: Body, side: str) -> str:
    return str(task.get(side, {}).get("identifier", {}).get("value", ""))
