from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.partners.scenarios.house import Pair
from tests.partners.scenarios.stories import LAST, SIDE_BY_SIDE
from tests.partners.servers import NAMES, Peer

Told = Callable[[str], None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module names the hospital's server; it is tried with each one as the municipality's."""
    pairs = [f"{metafunc.module.SPECIALIST}-{municipal}" for municipal in NAMES]
    metafunc.parametrize("told", pairs, indirect=True, scope="module")
    metafunc.parametrize("story", [*SIDE_BY_SIDE, *LAST])


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, have: Callable[..., Peer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """`told(story)` ends when that story has, and fails as it did."""
    specialist, municipal = request.param.split("-")
    here = Pair(have(specialist, "hospital"), have(municipal, "municipality"), tmp_path_factory.mktemp(request.param))
    with here.served() as pair, ThreadPoolExecutor(len(SIDE_BY_SIDE)) as threads:
        running: dict[str, Future[None]] = {name: threads.submit(story, pair) for name, story in SIDE_BY_SIDE.items()}

        def tell(name: str) -> None:
            if name in running:
                running[name].result()
                return
            for one in running.values():
                one.exception()  # the last begins when all others have ended
            LAST[name](pair)

        yield tell
