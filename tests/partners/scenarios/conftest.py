from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.partners.scenarios.house import Pair
from tests.partners.scenarios.stories import LAST, SIDE_BY_SIDE
from tests.partners.servers import Peer

Names = tuple[str, str]
Running = dict[str, Future[None]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module's pairs (the hospital's server, the municipality's), each with every story."""
    pairs = metafunc.module.PAIRS
    cases = [(pair, story) for pair in pairs for story in SIDE_BY_SIDE]
    cases += [(pair, LAST.__name__) for pair in pairs if _is_restarted(pair)]
    metafunc.parametrize(("pair", "story"), [pytest.param(*case, id=f"{'-'.join(case[0])}-{case[1]}") for case in cases])


def _is_restarted(pair: Names) -> bool:
    """Whether the municipality's server is started again. HAPI's takes too long for more than once."""
    return pair[1] != "hapi" or pair[0] == "sekmet"


class Telling:
    """Tells stories to one pair after the other: all that can be told side by side at once, when it is first asked for one.

    The last story is mostly waiting, so the next pair begins meanwhile.
    """

    def __init__(self, have: Callable[..., Peer], folder: Callable[[str], Path]) -> None:
        self.have, self.folder = have, folder
        self.threads = ThreadPoolExecutor(50)
        self.now: tuple[Names, Pair, ExitStack, Running] | None = None
        self.ending: dict[Names, Future[None]] = {}

    def __call__(self, names: Names, story: str) -> None:
        """Ends when the story has, and fails as it did."""
        if names not in self.ending and (self.now is None or self.now[0] != names):
            self.end()
            self._begin(names)
        if story == LAST.__name__:
            self.end()
            self.ending[names].result()
        else:
            assert self.now
            self.now[3][story].result()

    def _begin(self, names: Names) -> None:
        wait([ending for other, ending in self.ending.items() if other[1] == names[1]])  # its server may just be started again
        specialist, municipal = self.have(names[0], "hospital"), self.have(names[1], "municipality")
        with ExitStack() as stack:
            pair = stack.enter_context(Pair(specialist, municipal, self.folder("-".join(names))).served())
            running = {name: self.threads.submit(story, pair) for name, story in SIDE_BY_SIDE.items()}
            self.now = names, pair, stack.pop_all(), running

    def end(self) -> None:
        if self.now:
            self.ending[self.now[0]] = self.threads.submit(self._last, *self.now)
        self.now = None

    def _last(self, names: Names, pair: Pair, stack: ExitStack, running: Running) -> None:
        with stack:
            wait(running.values())
            if _is_restarted(names):
                LAST(pair)

    def close(self) -> None:
        self.end()
        self.threads.shutdown()


@pytest.fixture(scope="module")
def tell(have: Callable[..., Peer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    telling = Telling(have, tmp_path_factory.mktemp)
    yield telling
    telling.close()
