from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.partners.servers import Peer, start

Have = Callable[..., Peer]


@pytest.fixture(scope="session")
def have(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Have]:
    """`have(name)`: that server, started when it is first asked for; `have(name, "another")` is another one of the same kind."""
    running: dict[tuple[str, str], Peer] = {}

    def peer(name: str, which: str = "") -> Peer:
        if (name, which) not in running:
            running[name, which] = start(name, tmp_path_factory.mktemp(name))
        return running[name, which]

    yield peer
    for one in running.values():
        one.close()
