from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.partners.scenarios.house import Pair
from tests.partners.scenarios.stories import LAST, SIDE_BY_SIDE
from tests.partners.servers import NAMES, Peer


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module's pairs (the hospital's server, the municipality's), each with every story."""
    cases = [(pair, story) for pair in metafunc.module.PAIRS for story in (*SIDE_BY_SIDE, *(LAST if _is_restarted(pair) else ()))]
    metafunc.parametrize(("pair", "story"), [pytest.param(*case, id=f"{'-'.join(case[0])}-{case[1]}") for case in cases])


def _is_restarted(pair: tuple[str, str]) -> bool:
    """Whether the municipality's server is started again. HAPI's takes too long for more than once."""
    return pair[1] != "hapi" or pair[0] == NAMES[0]


class Telling:
    """Tells stories to one pair after the other: all that can be told side by side at once, when it is first asked for one."""

    def __init__(self, have: Callable[..., Peer], folder: Callable[[str], Path]) -> None:
        self.have, self.folder = have, folder
        self.names: tuple[str, ...] = ()
        self.stack = ExitStack()

    def __call__(self, names: tuple[str, str], story: str) -> None:
        """Ends when the story has, and fails as it did."""
        if names != self.names:
            self.close()
            self._begin(names)
        if story in self.running:
            self.running[story].result()
            return
        for one in self.running.values():
            one.exception()  # the last begins when all others have ended
        LAST[story](self.pair)

    def _begin(self, names: tuple[str, str]) -> None:
        specialist, municipal = self.have(names[0], "hospital"), self.have(names[1], "municipality")
        self.pair = self.stack.enter_context(Pair(specialist, municipal, self.folder("-".join(names))).served())
        threads = self.stack.enter_context(ThreadPoolExecutor(len(SIDE_BY_SIDE)))
        self.running: dict[str, Future[None]] = {name: threads.submit(story, self.pair) for name, story in SIDE_BY_SIDE.items()}
        self.names = names

    def close(self) -> None:
        self.names = ()
        self.stack.close()


@pytest.fixture(scope="module")
def tell(have: Callable[..., Peer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    telling = Telling(have, tmp_path_factory.mktemp)
    yield telling
    telling.close()
