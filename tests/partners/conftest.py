from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.partners.servers import Peer, start

Have = Callable[[str], Peer]


@pytest.fixture(scope="session")
def have(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Have]:
    """`have(name)`: that server, started when it is first asked for."""
    running: dict[str, Peer] = {}

    def peer(name: str) -> Peer:
        if name not in running:
            running[name] = start(name, tmp_path_factory.mktemp(name))
        return running[name]

    yield peer
    for one in running.values():
        one.close()
