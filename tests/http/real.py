"""The whole service as it is installed, with the receiving services that the example messages are for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI

from adapter.settings import Organisation, Partner, Receiver, Settings, StoreSettings
from adapter.wiring import Services, build
from tests.http.service import Service
from tests.security.issuer import Issuer
from tests.serving import StillClock, served
from tests.stores import with_tables

HOSPITAL = "319900101"  # the sandbox's: what the OpenAPI document shows is of it
VAAGAA = "319900306"
WAITS = {
    "name": "municipality",
    "base_url": "http://127.0.0.1:9/fhir",
    "organisation": VAAGAA,
    "municipality": "3435",
    "mode": "wait",
}
"""A partner that reads and answers here; nobody listens at its address."""

RECEIVERS = {"8000101": "D11", "8000102": "D12", "8000103": "D01", "8000104": ""}


@contextmanager
def real_service(
    folder: Path,
    url: str = "",
    others: Sequence[str] = (),
    services: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    partners: Sequence[Mapping[str, str]] = (),
    issuer: Issuer | None = None,
    **more: Any,
) -> Iterator[Service]:
    """`url` is of the store; without, a SQLite file in the folder. `others` are numbers of further organisations, `services`
    further settings of the receiving services, by their pathway; `partners` are other FHIR servers, which nobody calls here.
    Where there is an `issuer`, nobody is let in without its tokens. `more` are settings as they are.
    """
    clock, made = StillClock(), list[Services]()
    if issuer:
        more |= {"auth": "helseid", "helseid": issuer.settings()}
        issuer.now = lambda: clock.now().timestamp()

    def make(base: str) -> FastAPI:
        settings = Settings(
            public_base=base,
            store=StoreSettings(url=url or with_tables(folder / "stafett.db")),
            organisation=(
                Organisation(number=HOSPITAL, name="Fjordheim sykehus HF"),
                *(Organisation(number=number, name=number) for number in others),
            ),
            receiver=tuple(
                Receiver.model_validate({"her_id": id, "organisation": HOSPITAL, "pathway": pathway, **services.get(pathway, {})})
                for id, pathway in RECEIVERS.items()
            ),
            partner=tuple(Partner.model_validate(one) for one in partners),
            **more,
        )
        made.append(build(settings, clock))
        return made[0].app

    with ExitStack() as stack:
        client = stack.enter_context(served(make))
        stack.callback(lambda: [one.close() for one in made])
        yield Service(client, made[0].store, clock, str(client.base_url).rstrip("/"))
