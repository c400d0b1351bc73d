"""The simulated hub's page for people: what came in, who read it, how it was answered. No script, nothing from elsewhere."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from adapter.sandbox.hub_mail import AppRec, Held, Mail

SHOWN = 200
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b2733;
  background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d5dbe1 }
.ok { color: #14612d } .rejected { color: #a11212 } .waiting { color: #5c4a00 }
a:focus { outline: 3px solid #1b2733 }
@media (prefers-color-scheme: dark) {
  body { color: #e6eaee; background: #14191f } th, td { border-color: #3a444f } a { color: #9cc8ff }
  .ok { color: #7fd99a } .rejected { color: #ff9c9c } .waiting { color: #f0d27a } a:focus { outline-color: #e6eaee }
}
"""


def pages(mail: Mail) -> list[Route]:
    """The routes, over this mail."""

    async def page(request: Request) -> Response:
        newest = list(mail.held.values())[: -SHOWN - 1 : -1]
        return HTMLResponse(_page(newest, len(mail.held), escape(str(request.base_url))), headers=HEADERS)

    async def style(_: Request) -> Response:
        return Response(STYLE, media_type="text/css", headers=HEADERS)

    return [Route("/", page), Route("/sandbox/style.css", style)]


def _page(newest: list[Held], total: int, base: str) -> str:
    rows = "".join(map(_row, newest)) or '<tr><td colspan="6">No messages yet.</td></tr>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulated message hub</title>
<link rel="stylesheet" href="/sandbox/style.css">
</head>
<body>
<main>
<h1>Simulated message hub</h1>
<p>Plays the national message hub (EDI 2.0) on this machine.
{total} messages, the newest {len(newest)} shown; reload for later ones.
Put one in: <code>curl --data-binary @message.xml {base}sandbox/messages</code>.
All as JSON: <a href="/sandbox/messages">/sandbox/messages</a>.</p>
<table>
<thead><tr><th scope="col">Arrived (UTC)</th><th scope="col">Type</th><th scope="col">From</th><th scope="col">To</th>
<th scope="col">MsgId</th><th scope="col">Answer (AppRec)</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""


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
