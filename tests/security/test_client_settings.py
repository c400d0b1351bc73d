"""What the tables of hubs and partners must say before anybody is asked for a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.domain.problem import Problem
from adapter.settings import load

HUB = '[hub]\nkind = "edi2"\nbase_url = "https://hub.example"\n'
AUTH = 'auth = "helseid"\nissuer = "https://sts.example"\nclient_id = "c"\nscope = "s"\n'
KEY = 'key_file = "k"\n'
HEAD = '[[organisation]]\nnumber = "999977774"\nname = "Granfjelldal kommune"\n'
UNIT = '[[organisation]]\nnumber = "999977775"\nname = "a unit"\nparent = "999977774"\n'
OTHER = '[[organisation]]\nnumber = "312232324"\nname = "Flaksvågøy kommune"\n'
SINGLE = 'tenancy = "single"\n'
PARTNER = '[[partner]]\nname = "k"\nbase_url = "https://fhir.example"\norganisation = "319900306"\n'


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "stafett.toml"
    path.write_text(text, "utf-8")
    try:
        load(path)
    except Problem as fault:
        return [f"{f.where.rpartition(':')[2]}: {f.en}" for f in fault.findings]
    return []


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (HUB + AUTH.replace('issuer = "https://sts.example"\n', "") + KEY, 4, "needs issuer"),
        (HUB + AUTH.replace('client_id = "c"\n', "") + KEY, 4, "needs client_id"),
        (HUB + AUTH.replace('scope = "s"\n', "") + KEY, 4, "needs scope"),
        (HUB + AUTH, 4, "needs one of key_file and key_env"),
        (HUB + AUTH + KEY + 'key_env = "K"\n', 4, "needs one of key_file and key_env"),
        (PARTNER + AUTH, 5, "needs one of key_file and key_env"),
        ('[hub]\nkind = "folder"\npath = "x"\n' + AUTH + KEY, 4, "a folder takes no tokens"),
        (HUB.replace("https", "http") + AUTH + KEY, 3, "use https"),
        (HUB + AUTH.replace("https", "http") + KEY, 5, "use https"),
        (HUB + AUTH + KEY + SINGLE + HEAD + OTHER, 9, "cannot speak for several"),
        (HUB + AUTH + KEY + SINGLE + UNIT + OTHER, 9, "cannot speak for several"),
        (HUB + UNIT.replace("999977775", "999977774"), 7, "no unit of itself"),
        (HUB + AUTH + KEY + 'algorithm = "HS256"\n', 9, "algorithm"),
        (HUB + AUTH + 'key_env = "-----BEGIN"\n', 8, "key_env"),
        (HUB + AUTH + KEY + 'details = "both"\n', 9, "details"),
    ],
)
def test_what_is_missing_or_against_itself_stops_the_start_at_its_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    [told] = faults(tmp_path, text)

    assert told.startswith(f"{line}: ")
    assert word in told
    assert "BEGIN" not in told


@pytest.mark.parametrize(
    "text",
    [
        HUB,
        HUB + AUTH + KEY,
        HUB + AUTH + 'key_env = "HUB_KEY"\nalgorithm = "PS256"\ndetails = "authorization_details"\n',
        HUB + AUTH + KEY + HEAD + OTHER,
        HUB + AUTH + KEY + SINGLE + HEAD + UNIT,
        HUB.replace("https", "http").replace("hub.example", "127.0.0.1:1")
        + AUTH.replace("https://sts", "http://localhost:2/x")
        + KEY,
        PARTNER + AUTH + KEY + HUB + AUTH + KEY,
    ],
)
def test_what_is_whole_is_taken(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text) == []
