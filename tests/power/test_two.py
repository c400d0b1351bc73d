"""Two services on one SQLite file and one folder: both work, and neither's clients notice the other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.kill.messages import make_messages
from tests.power.installation import Clients, Process, at_once, drop, files, lay, post, write
from tests.power.judge import effects, faults


@pytest.mark.slow
def test_two_services_on_one_file_do_each_message_once(tmp_path: Path) -> None:
    folder, clients, made = tmp_path / "installed", Clients(), make_messages(11, 30)
    by_file, by_post = made[:15], made[15:]
    lay(folder)
    both = [Process(folder, None), Process(folder, None)]
    try:
        for process in both:
            process.start()
        threads = []
        for number, process in enumerate(both):
            jobs = [partial(post, made=one, clients=clients) for one in by_post]  # each gets all of them
            threads += at_once(process, [*jobs, *(partial(write, number=n, clients=clients) for n in range(number, 10, 2))])
        for name, one in enumerate(by_file):
            drop(folder, f"{name:04d}", one.data, clients)
        for thread in threads:
            thread.join(100)
            assert not thread.is_alive()
        both[0].wait(lambda: not files(folder, "in") and files(folder, "out") == len(by_file), 60)
        for process in both:
            process.stop()
    finally:
        for process in both:
            process.kill()
    left = {str(path.relative_to(folder)): bytearray(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}

    assert clients.refused == []
    assert len(clients.told) == 2 * len(by_post) + 2 * 10
    assert "locked" not in both[0].log_file.read_text("utf-8")
    assert list(effects(folder, [one.msg_id for one in made])) == []
    assert faults(folder, left, clients.told, {path: data for _, path, data in clients.dropped}) == []
