"""Makes `mappings/codes/no-kodeverk-*.json`, one FHIR CodeSystem per national code list that messages use.

    python tools/code_systems.py [--check]

The source is `codelists.json` of the standards folder (STAFETT_STANDARDS, default ../shared/standards); without it nothing
is done. Names of the lists are ours where the source has none. 9327 is joined by the eight codes with L (put off by the
patient), which came after the source: the one of D01 is told of by the Directorate of Health, the others follow its pattern.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "mappings" / "codes"
NAMES = {
    "3101": "Kjønn",
    "7304": "Ja, nei, kun ved feil",
    "7307": "Status for medikamentell behandling",
    "7309": "Tjenestetype",
    "8112": "Rolle for mottaker",
    "8113": "Prosesseringsstatus",
    "8114": "Type referert dokument",
    "8115": "Meldingens prioritet",
    "8116": "ID-type for personer",
    "8221": "Feilmeldinger i applikasjonskvittering",
    "8231": "Overskrift i henvisning, begrunnelse",
    "8233": "Type klinisk opplysning",
    "8234": "Overskrift for kommentar",
    "8254": "Relasjon til helsepersonell",
    "8258": "Status i applikasjonskvittering",
    "8263": "Meldingstype, henvisning 1.0",
    "8279": "Meldingens funksjon",
    "8304": "Prioritet, henvisning 1.x",
    "8306": "Prioritet, henvisning 2.0",
    "8307": "Individuell plan",
    "8323": "Meldingens status",
    "8329": "Sendt dokument",
    "8330": "Mottaker av dokument",
    "8445": "Ventetid sluttkode",
    "8455": "Type innhold i henvisning",
    "8480": "Pakkeforløp for kreft",
    "8485": "Utfall av vurdering",
    "9033": "Slektskap",
    "9034": "Rolle overfor pasienten",
    "9040": "Type virksomhet",
    "9050": "Omsorgsfunksjon",
    "9051": "ID-type for organisatoriske enheter",
    "9060": "Kategori helsepersonell",
    "9061": "Type telekommunikasjon",
    "9064": "Samtykke",
    "9101": "Bruk av legemiddel",
    "9147": "Type dato ved vurdering av henvisning",
    "9148": "Status på henvisning",
    "9321": "Type forløp",
    "9327": "Forløpskode: type, hendelse og utfall",
    "4702": "Dokumenttilknytning",
}


PUT_OFF = "Pasientutsatt pakkeforløp"
SOURCED = {"D01L": f"Tverrfaglig spesialisert rusbehandling (TSB) - Utført aktivitet - {PUT_OFF}"}
LATER = {"9327": SOURCED | {f"{type}L": PUT_OFF for type in ("D06", "D07", "D08", "D09", "D10", "D11", "D12")}}
INFERRED = LATER["9327"].keys() - SOURCED.keys()
PROPERTY = {
    "code": "inferred",
    "description": "True of a code that follows a pattern, and that no list which we have read has.",
    "type": "boolean",
}


def concept(code: str, display: str) -> dict[str, object]:
    marked = {"property": [{"code": "inferred", "valueBoolean": True}]} if code in INFERRED else {}
    return {"code": code, "display": display, **marked}


def code_system(number: str, entry: dict[str, object]) -> str:
    codes: dict[str, str] = {**entry["codes"], **LATER.get(number, {})}  # type: ignore[dict-item]
    since = ", and L of 2020." if number in LATER else "."
    return (
        json.dumps(
            {
                "resourceType": "CodeSystem",
                "id": f"no-kodeverk-{number}",
                "url": f"http://helsedir.no/fhir/CodeSystem/no-kodeverk-{number}",
                "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{entry['oid']}"}],
                "name": f"Kodeverk{number}",
                "title": NAMES[number],
                "status": "active",
                "description": "Codes and names as the national display lists had them in September 2024" + since,
                "caseSensitive": True,
                "content": "fragment" if number == "8279" else "complete",
                **({"property": [PROPERTY]} if INFERRED & codes.keys() else {}),
                "concept": [concept(code, display) for code, display in sorted(codes.items())],
            },
            ensure_ascii=False,
            indent=1,
        )
        + "\n"
    )


def main() -> int:
    source = Path(os.environ.get("STAFETT_STANDARDS", ROOT.parent / "shared" / "standards")) / "codelists.json"
    if not source.is_file():
        print("code systems: not checked, codelists.json is not here (STAFETT_STANDARDS)")
        return 0
    stale = 0
    for number, entry in json.loads(source.read_text(encoding="utf-8")).items():
        if number not in NAMES:
            continue
        target, text = OUT / f"no-kodeverk-{number}.json", code_system(number, entry)
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
        elif target.read_text(encoding="utf-8") != text:
            print(f"code systems: {target.name} is stale; run python tools/code_systems.py")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
