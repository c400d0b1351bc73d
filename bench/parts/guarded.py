"""What it costs to know who asks and to write down what they were given: plain reads with both beside reads without either.

One worker, SQLite, 8 connections, as in `serve`; each request with a proof of its own (RFC 9449), made beforehand. Each answer
waits for its record to be on the disk, which those who wait share. The processor's part is measured by itself, in this process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.datastructures import Headers

from adapter.security.admission import Tokens
from adapter.security.admitting import by_token
from adapter.storage import open_store
from bench.load import free_port, rate, started
from bench.parts.serve import READ
from bench.row import Row
from bench.shared import tasks
from bench.tasks import ORGANISATION, id
from tests.security.issuer import Client, Issuer

PROOFS = 25_000
ONCE = 3_000  # requests whose processor time is measured
SECONDS = 4.0
PATH = "/fhir/Task/{}"
CONFIGURATION = f"""
public_base = "http://127.0.0.1:{{port}}"
auth = "{{auth}}"
audit = {{audit}}
[store]
url = "{{database}}"
[[organisation]]
number = "{ORGANISATION}"
name = "Målesykehuset"
kind = "hospital"
[helseid]
issuer = "{{issuer}}"
audience = "nhn:pakkeforlop"
proof_seconds = 300
"""


def rows() -> Iterator[Row]:
    issuer = Issuer()
    with TemporaryDirectory() as name, issuer.served():
        folder = Path(name)
        off = _reads(folder, issuer, auth="off", audit="false")
        written = _reads(folder, issuer, auth="off", audit="true")
        guarded = _reads(folder, issuer, auth="helseid", audit="true")
        yield Row(f"read a Task, audit on ({written:.0f}/s of {off:.0f}/s)", 100 * written / off, "% of off/s", 20)
        yield Row(f"read a Task, tokens and audit on ({guarded:.0f}/s)", 100 * guarded / off, "% of off/s", 15)
        yield Row("token, proof and space of a request, processor time", _processor(issuer), "ms", 0.6)


def _reads(folder: Path, issuer: Issuer, *, auth: str, audit: str) -> float:
    """Answers a second, to requests for a thousand Tasks in turn."""
    port, configuration = free_port(), folder / f"{auth}-{audit}.toml"
    told = {"port": port, "auth": auth, "audit": audit, "database": tasks("SQLite"), "issuer": issuer.url}
    configuration.write_text(CONFIGURATION.format(**told), "utf-8")
    command = [str(Path(sys.executable).parent / "stafett"), "serve", "--roles", "api", "--port", str(port)]
    with started([*command, "--config", str(configuration)], port, "/health/live") as base:
        return rate(base, script=_shown(issuer, base, folder / "used") if auth == "helseid" else READ, seconds=SECONDS)


def _shown(issuer: Issuer, base: str, used: Path) -> str:
    """A script whose every request shows the token and the next proof; `used` is how far the run that looks at answers has come."""
    client = _client(issuer)
    proofs = ",".join(f'"{client.proof("GET", base + PATH.format(id(n % 1000)))}"' for n in range(PROOFS))
    ids = ", ".join(f'"{id(n)}"' for n in range(1000))
    return f"""
local ids, proofs = {{{ids}}}, {{{proofs}}}
local file = io.open("{used}", "r")
local n = file and tonumber(file:read("*a")) or 0
if file then file:close() end
local out = io.open("{used}", "w")
out:write(n + 6000)
out:close()
request = function()
  n = n + 1
  local said = {{["Authorization"] = "DPoP {client.token}", ["DPoP"] = proofs[n]}}
  return wrk.format("GET", "/fhir/Task/" .. ids[(n - 1) % 1000 + 1], said)
end
"""


def _client(issuer: Issuer) -> Client:
    return issuer.client(parent=ORGANISATION, scopes=["nhn:pakkeforlop/fhir.read", "nhn:pakkeforlop/messages"])


def _processor(issuer: Issuer) -> float:
    """Milliseconds of this processor, the best of five: who asks is found out, and a read looks for what is closed to them."""
    base, client, store = "https://fhir.example", _client(issuer), open_store(tasks("SQLite"))
    tokens = Tokens(issuer.settings(proof_seconds=300), public_base=base)
    admit, plain = by_token(tokens, [ORGANISATION]), store.newest
    asked = [(PATH.format(id(n)), id(n)) for n in range(ONCE)]
    shown = [Headers(client.headers("GET", base + path)) for path, _ in asked]
    admit("GET", asked[0][0], shown[0])

    def guarded() -> None:
        for (path, name), headers in zip(asked, shown, strict=True):
            caller = admit("GET", path, headers).caller
            store.seen_by(caller.tenants, caller.blocked_as).newest(caller.tenant, "Task", name)

    def open_to_all() -> None:
        for _, name in asked:
            plain(ORGANISATION, "Task", name)

    try:
        return 1000 * min(_spent(guarded) - _spent(open_to_all) for _ in range(5)) / ONCE
    finally:
        store.close()


def _spent(action: Callable[[], None]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start
