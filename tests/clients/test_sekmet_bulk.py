"""SEKMET (PyPI sekmet-fhir) as a Bulk Data client: it asks, polls, fetches each file, and judges each line by rules of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adapter.usecases.at_work import Hand
from adapter.usecases.export_resources import HAND, SETTLED, make_some
from tests.fhir.world import draft, task
from tests.http.real import HOSPITAL
from tests.http.service import Service


@pytest.mark.slow
@pytest.mark.parametrize("level", ["system", "patient"])
def test_what_it_fetches_is_valid_and_all_there_is(service: Service, tmp_path: Path, level: str) -> None:
    with service.store.write() as unit:
        unit.put(HOSPITAL, [draft("Task", f"t{number}", task(number)) for number in range(5)], service.clock.now())
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"data_dir: {tmp_path}\npeers:\n  ours:\n    base_url: {service.base}/fhir\n", "utf-8")
    command = [str(Path(sys.executable).parent / "sekmet"), "bulk", "export", "--peer", "ours", "--level", level]
    hand, ended = Hand(service.store, service.clock, HAND, "worker"), threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            service.clock.moment += SETTLED
            make_some(service.store, service.clock, hand)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        options = ["--config", str(settings), "--poll-max", "0.2"]
        done = subprocess.run([*command, *options], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    finally:
        ended.set()
        worker.join()

    assert done.returncode == 0, done.stdout + done.stderr
    # None is declared: a number that a file does not come to would tell that somebody has closed their record since.
    assert re.search(r"Task +5 lines  declared=None  invalid=0", done.stdout), done.stdout
    assert "VALID" in done.stdout
