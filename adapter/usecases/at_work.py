"""What a process has in hand, and that it lives: so that many share the work, and none of it is left lying when one dies.

    pulse = Pulse(store, clock, "api,worker", lease=120)
    pulse.beat()                          # every third of the lease; buries those that were not heard of for a whole one
    hand = Hand(store, clock, "edi2", pulse.id)
    taken = hand.take(names)              # committed: no other process has these, until we put them down or die
    hand.put_down()

What is found in the hand of a process that died may be what it died of. So it is taken up with ever fewer others, and at last
by itself, between batches of what is not suspect, and each time is counted; what `MOST` processes died with is not to be read
again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from adapter.domain.problem import Finding, Kind
from adapter.ports import Clock, Process, Store, Taken, Unit

FORGOTTEN: Final = timedelta(days=1)
"""What was in the hand of one that died and did not come again for so long, was dealt with just before."""
TIDY_EVERY: Final = 3600.0
"""Seconds between looks for it."""
MOST: Final = 5
TOGETHER: Final = {1: 12, 2: 3}
"""How many that one, or two, have died with are taken up at once: what is guilty is among them, and found in a few more."""
HEARING: Final = "(hearing)"
"""Stands for a hub where the names are partners: who has one in hand hears what changes there."""

DEADLY: Final = Finding(
    "fatal",
    Kind.INTERNAL,
    f"The service ended {MOST} times while it was dealing with this message. It was set aside unread: report it, and retry it "
    "when the program has been mended.",
    f"Tjenesten stoppet {MOST} ganger mens den behandlet denne meldingen. Den er lagt til side ulest: meld fra, og prøv den på "
    "nytt når programmet er rettet.",
)


class Pulse:
    """That a process lives, for all others to see; `lease` is how many seconds of silence are their end.

    How long another has been silent is told by our own `monotonic` seconds since what it says last changed: two machines whose
    clocks differ, and a clock that is set, bury nobody.
    """

    def __init__(
        self, store: Store, clock: Clock, roles: str, lease: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = str(uuid.uuid4())
        self.every = min(lease / 3, 10.0)
        self._store, self._clock, self._roles, self._lease, self._monotonic = store, clock, roles, lease, monotonic
        self._started = clock.now()
        self._heard: dict[str, tuple[datetime, float]] = {}  # of each other: what it said last, and when we first saw that
        self._looked = monotonic()
        self._tidied = self._looked - TIDY_EVERY

    def beat(self) -> list[Process]:
        """Say so, and bury the silent; which they were."""
        own, now = Process(self.id, self._roles, self._started, self._clock.now()), self._monotonic()
        if now - self._looked > self._lease:
            self._heard.clear()  # it was we who stood still, perhaps with the whole machine: the others may just come back too
        self._looked = now
        silent = self._store.run(lambda unit: self._beaten(unit, own, now))
        if now - self._tidied >= TIDY_EVERY:
            self._store.run(lambda unit: unit.put_down_of_the_dead(own.seen - FORGOTTEN))
            self._tidied = now
        return silent

    def _beaten(self, unit: Unit, own: Process, now: float) -> list[Process]:
        unit.beat(own)
        others = [one for one in unit.processes() if one.id != self.id]
        self._heard = {one.id: self._heard.get(one.id, (one.seen, now)) for one in others}
        self._heard |= {one.id: (one.seen, now) for one in others if self._heard[one.id][0] != one.seen}
        silent = [one for one in others if now - self._heard[one.id][1] > self._lease]
        for one in silent:
            unit.bury(one.id)
        return silent

    def end(self) -> None:
        """We leave in good order."""
        self._store.run(lambda unit: unit.bury(self.id))


class Hand:
    """What this process has in hand of one hub's. For one thread."""

    def __init__(self, store: Store, clock: Clock, hub: str, process: str) -> None:
        self._store, self._clock, self._hub, self._process = store, clock, hub, process
        self._held: set[str] = set()
        self._last = Choice(suspect=True)  # so that each process begins with what is sound

    @property
    def deadly(self) -> bool:
        """Whether what was taken last is not to be read."""
        return self._last.tries >= MOST

    def take(self, names: Sequence[str]) -> Taken:
        """Take up what nobody has, where `names` are what there is: the sound, and in turns with them a few that are suspect."""
        if not names:
            return Taken(frozenset())
        taken, self._last = self._store.run(partial(self._take, names=names))
        self._held |= taken.ours
        return taken

    def put_down(self) -> None:
        """What we had is dealt with, or anybody's again."""
        held = sorted(self._held)
        if held:
            self._store.run(lambda unit: unit.put_down(self._hub, held, self._process))
            self._held.clear()

    def _take(self, unit: Unit, names: Sequence[str]) -> tuple[Taken, Choice]:
        now = self._clock.now()
        known = unit.in_hand(self._hub, names, now)
        free = [name for name in names if name not in known or known[name].process == self._process or not known[name].alive]
        deaths = {name: known[name].tries for name in free if name in known and known[name].process != self._process}
        sound = [name for name in free if name not in deaths]
        if deaths and not (sound and self._last.suspect):
            fewest = min(deaths.values())
            suspects = [name for name, tries in deaths.items() if tries == fewest]
            choice = Choice(True, fewest, suspects[: TOGETHER.get(fewest, 1)])
        else:
            choice = Choice(False, 0, sound)
        ours = unit.take_in_hand(self._hub, {name: known.get(name) for name in choice.names}, self._process, now)
        return Taken(ours, frozenset(free) - frozenset(choice.names)), choice


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be taken up next; of what is suspect, how many have died with it."""

    suspect: bool
    tries: int = 0
    names: Sequence[str] = ()
