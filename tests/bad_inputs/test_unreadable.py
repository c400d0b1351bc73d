"""What is no message that we read is refused before it costs anything, and answered once where the sender is known."""

from __future__ import annotations

from hashlib import sha256

import pytest

from adapter.domain.problem import Problem
from adapter.ports import State
from tests.bad_inputs.canary import Canary
from tests.bad_inputs.cost import SECONDS, measured
from tests.bad_inputs.house import House, translator
from tests.bad_inputs.unreadable import UNREADABLE, Unreadable

pytestmark = pytest.mark.slow

every = pytest.mark.parametrize("bad", UNREADABLE, ids=str)


@every
def test_reading_ends_at_once_fetches_nothing_and_builds_nothing(bad: Unreadable, listener: Canary) -> None:
    data = bad.make(listener.port)
    translator()

    with measured() as cost, pytest.raises(Problem) as raised:
        translator().read(data)

    assert [bool(finding.en and finding.nb) for finding in raised.value.findings] == [True] * len(raised.value.findings)
    assert cost.seconds < SECONDS
    assert cost.megabytes < bad.megabytes
    assert listener.visits() == 0


@every
def test_the_sender_that_the_hub_names_gets_one_negative_apprec_however_often_it_comes(
    bad: Unreadable, listener: Canary, house: House
) -> None:
    data = bad.make(listener.port)

    first, *again = [house.receive(data) for _ in range(3)]

    assert (first.outcome, first.message.state) == ("new", State.REFUSED)
    assert [(r.outcome, r.message) for r in again] == [("duplicate", first.message)] * 2
    assert house.codes(first) == [[bad.code]]
    assert house.resources(first) == []
    assert first.message.digest == sha256(data).hexdigest()
    assert listener.visits() == 0


@every
def test_only_envelope_and_digest_are_kept_of_what_may_do_harm(bad: Unreadable, listener: Canary, house: House) -> None:
    received = house.receive(bad.make(listener.port))

    assert house.kept(received) == b"" or bad.code == "T10"


@every
def test_without_a_known_sender_nothing_is_sent_and_a_person_is_asked(bad: Unreadable, listener: Canary, house: House) -> None:
    received = house.receive_unannounced(bad.make(listener.port))

    assert received.message.state is State.QUARANTINED
    assert received.message.action
    assert house.codes(received) == []
    assert house.resources(received) == []
