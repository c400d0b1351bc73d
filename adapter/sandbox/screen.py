"""What `make run` shows: where to look, what came in, what it became and what was answered."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from adapter.sandbox.walking import Walked

PATHWAY_TYPE = "urn:oid:2.16.578.1.12.4.1.1.9321"


def show(
    screen: Console,
    client: httpx.Client,
    messages: Sequence[Mapping[str, Any]],
    walks: Sequence[Walked],
    examples: Path,
    beside: Mapping[str, str],
    folder: Path,
) -> None:
    """`messages` as GET /messages has them, oldest first; `client` asks the service; `beside` is what else there is, and where."""
    service = str(client.base_url).rstrip("/")
    names = {_msg_id(file): file.stem for file in examples.glob("*.xml")}
    table = Table("came in from the hub", "state", "became", "answer", title="Referrals", title_justify="left")
    answers: Counter[str] = Counter()
    for message in messages:
        answer = _answer(client, message["id"])
        answers[answer] += 1
        if name := names.get(message["msgId"]):
            table.add_row(name, message["state"], _became(client, message["id"]), answer)
    _walks(screen, walks, service)
    screen.print(table)
    counts = ", ".join(f"{count} {answer}" for answer, count in answers.items())
    screen.print(f"{len(messages)} messages; receipts (AppRec): {counts}", highlight=False)
    kept = ", ".join(f"{_total(client, type)} {type}" for type in ("Patient", "ServiceRequest", "EpisodeOfCare", "Task"))
    screen.print(f"In the record: {kept}\n", highlight=False)
    for what, where in (
        ("Start page: every message, explained", f"{service}/"),
        ("Pathways: who holds the baton, and what next", f"{service}/pathways"),
        ("Console: send and understand messages", f"{service}/docs"),
        ("FHIR", f"{service}/fhir/metadata"),
        *((name, f"{address}/") for name, address in beside.items()),
        ("Logs and database, gone when it ends", str(folder)),
        ("For `stafett` in another terminal", f"export STAFETT_CONFIG={folder / 'stafett.toml'}"),
    ):
        screen.print(f"  {what:46} {where}", soft_wrap=True, highlight=False)
    screen.print("\nCtrl-C ends it.")


def _walks(screen: Console, walks: Sequence[Walked], service: str) -> None:
    """Each walk with the phase it has come to, and where its timeline is."""
    screen.print("Pathways walked from referral to where they are now:")
    for walked in walks:
        told = f"  {walked.walk.name:19} {walked.walk.pathway} {walked.walk.rules}  {walked.phase:20}"
        screen.print(f"{told} {service}/pathways/{walked.pathway}", soft_wrap=True, highlight=False)
    screen.print()


def _msg_id(file: Path) -> str:
    found = re.search(r"<(?:\w+:)?MsgId>\s*([^<\s]+)", file.read_text("utf-8", "replace"))
    return found[1] if found else ""


def _total(client: httpx.Client, type: str) -> int:
    total = client.get(f"/fhir/{type}", params={"_summary": "count"}).json().get("total", 0)
    return int(total)


def _became(client: httpx.Client, id: str) -> str:
    """How many resources, and the pathway where one was opened."""
    answer = client.get(f"/messages/{id}/bundle")
    if answer.status_code != httpx.codes.OK:
        return "nothing"
    resources = [entry["resource"] for entry in answer.json()["entry"]]
    types = {
        c["code"] for r in resources if r["resourceType"] == "EpisodeOfCare" for c in _codings(r) if c.get("system") == PATHWAY_TYPE
    }
    opened = f", pathway {', '.join(sorted(types))}" if types else ""
    return f"{len(resources)} resources{opened}"


def _codings(episode: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [coding for concept in episode.get("type", []) for coding in concept.get("coding", [])]


def _answer(client: httpx.Client, id: str) -> str:
    """What the sender was told. Over EDI 2.0 the receipt is JSON, and the hub makes XML of it."""
    answer = client.get(f"/messages/{id}/apprec")
    if answer.status_code != httpx.codes.OK:
        return "none"
    told = json.loads(answer.content)
    codes = [error["errorCode"] for error in told.get("appRecErrorList", [])]
    return " ".join([told["appRecStatus"], *codes])
