"""The issuer of our tokens does not answer: whom they are for is left alone for a while, and the log says whose fault it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from adapter.hub.edi2 import Edi2Hub
from adapter.partners.hearing import Line
from adapter.partners.server import HttpFhirServer
from adapter.r4.checker import check
from adapter.security.client_credentials import ClientCredentials
from adapter.settings import Organisation
from adapter.usecases.push_assignment import Courier
from adapter.worker import Worker
from tests.security.test_tokens_out import ISSUER, pem, settings
from tests.serving import until
from tests.usecases.handover import HOSPITAL, World
from tests.usecases.house import ADULTS, House

TOLD: Final = f"The token issuer {httpx.URL(ISSUER).host} did not answer (ConnectError)"


@pytest.fixture
def credentials(tmp_path: Path) -> Iterator[ClientCredentials]:
    """What is shown to hubs and partners; its issuer is not to be reached, and nobody is called without a token."""
    with respx.mock() as net:
        net.route(host=httpx.URL(ISSUER).host).mock(side_effect=httpx.ConnectError("refused"))
        yield ClientCredentials(settings(pem(tmp_path)), [Organisation(number=HOSPITAL, name="Fjordheim sykehus HF")])


def why(logs: list[Any], event: str) -> set[str]:
    return {str(one["why"]) for one in logs if one["event"] == event}


def test_a_hub_whose_token_issuer_is_down_pauses_with_the_issuer_in_its_words(house: House, credentials: ClientCredentials) -> None:
    hub = Edi2Hub("https://hub.example", [ADULTS], "Stafett, v0", clock=house.clock, auth=credentials)
    worker = Worker(house.store, house.reception, [hub], house.clock, poll_seconds={"edi2": 0.01})
    with capture_logs() as logs:
        running = threading.Thread(target=worker.run)
        running.start()
        until(lambda: why(logs, "worker.pauses"))
        worker.stop()
        running.join(20)
    assert not running.is_alive()
    assert all(TOLD in one for one in why(logs, "worker.pauses")), why(logs, "worker.pauses")
    assert {one["part"] for one in logs if one["event"] == "worker.pauses"} == {"edi2, in"}


def test_what_is_for_a_partner_waits_with_the_issuer_in_its_words(tmp_path: Path, credentials: ClientCredentials) -> None:
    with capture_logs() as logs:
        world = World(tmp_path)
        partner = next(one for one in world.sharing.partners if one.name == "municipality")
        server = HttpFhirServer("municipality", partner.base_url, auth=credentials)
        world.lines[1] = Line(Courier(partner, server, world.store, world.sharing, check, world.clock), poll_seconds=1)
        world.hospital_asks()
        world.settle(4)
        waiting = [row.state for row in world.waiting()]
        world.store.close()
    assert waiting == ["waiting"]
    assert why(logs, "delivery.waiting")
    assert all(TOLD in one for one in why(logs, "delivery.waiting")), why(logs, "delivery.waiting")
