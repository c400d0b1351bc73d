"""The simulated hub's page for people: what came in, who read it, how it was answered. No script, nothing from elsewhere."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapter.sandbox.hub_mail import AppRec, Held, Mail
from adapter.sandbox.pages import look, page

SHOWN = 200


def pages(mail: Mail) -> list[Route]:
    """The routes, over this mail."""

    async def shown(request: Request) -> Response:
        newest = list(mail.held.values())[: -SHOWN - 1 : -1]
        return page("Simulated message hub", _content(newest, len(mail.held), escape(str(request.base_url))))

    return [Route("/", shown), look()]


def _content(newest: list[Held], total: int, base: str) -> str:
    rows = "".join(map(_row, newest)) or '<tr><td colspan="6">No messages yet.</td></tr>'
    return f"""<p>Plays the national message hub (EDI 2.0) on this machine.
{total} messages, the newest {len(newest)} shown; reload for later ones.
Put one in: <code>curl --data-binary @message.xml {base}sandbox/messages</code>.
All as JSON: <a href="/sandbox/messages">/sandbox/messages</a>.</p>
<div class="scroll">
<table>
<thead><tr><th scope="col">Arrived (UTC)</th><th scope="col">Type</th><th scope="col">From</th><th scope="col">To</th>
<th scope="col">MsgId</th><th scope="col">Answer (AppRec)</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""


def _row(held: Held) -> str:
    e = held.envelope
    return (
        f"<tr><td>{held.arrived:%Y-%m-%d %H:%M:%S}</td><td>{escape(e.type) or 'unknown'}</td><td>{e.sender or 'unknown'}</td>"
        f"<td>{'<br>'.join(_receiver(held, r) for r in e.receivers)}</td>"
        f'<td><a href="/sandbox/messages/{escape(held.id)}/document">{escape(e.msg_id or "none")}</a></td>'
        f"<td>{_answers(held)}</td></tr>\n"
    )


def _receiver(held: Held, receiver: int) -> str:
    return f"{receiver} {'(read)' if receiver in held.read else '(waiting)'}"


def _answers(held: Held) -> str:
    if held.envelope.is_apprec:
        return "is an AppRec"
    return "<br>".join(map(_answer, held.apprecs)) or '<span class="waiting">none yet</span>'


def _answer(apprec: AppRec) -> str:
    errors = "; ".join(escape(f"{e.get('errorCode')} {e.get('details')}") for e in apprec.errors)
    return f'<span class="{apprec.status.lower()}">{escape(apprec.status)}</span> by {apprec.sender} {errors}'
