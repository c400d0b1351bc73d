"""The look of the simulated servers' own pages. No script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
STYLE: Final = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1b2733;
  background: #fff }
h1, h2 { line-height: 1.25 }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d5dbe1 }
.scroll { overflow-x: auto } time { white-space: nowrap }
code { overflow-wrap: anywhere }
form { display: inline-block; margin: 0 .4rem .3rem 0 }
button, input { font: inherit }
button { padding: .15rem .7rem; border: 1px solid #1b2733; border-radius: 5px; background: none; color: inherit; cursor: pointer }
[aria-current] { background: #fbefd2 }
.ok { color: #14612d } .rejected { color: #a11212 } .waiting { color: #5c4a00 }
a:focus, button:focus { outline: 3px solid #1b2733 }
@media (prefers-color-scheme: dark) {
  body { color: #e6eaee; background: #14191f } th, td { border-color: #3a444f } a { color: #9cc8ff }
  button { border-color: #a9b4be } [aria-current] { background: #3b3015 }
  .ok { color: #7fd99a } .rejected { color: #ff9c9c } .waiting { color: #f0d27a } a:focus, button:focus { outline-color: #e6eaee }
}
"""


def page(title: str, content: str) -> Response:
    """A whole page. `content` is markup."""
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/sandbox/style.css">
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{content}
</main>
</body>
</html>
""",
        headers=HEADERS,
    )


def look() -> Route:
    """Where the pages' style is."""

    async def style(_: Request) -> Response:
        return Response(STYLE, media_type="text/css", headers=HEADERS)

    return Route("/sandbox/style.css", style)
