"""Patients' whole ways through a pathway, as a journal system would tell them over FHIR: what `make run` plays.

Referral, right to care, start, first conversation, basic and extended assessment, planning, treatment, evaluation, closing,
follow-up in the municipality: for an adult (D11), a child (D12) and a substance-use patient (D01), by the rules of 2019 and by
those of 2025. Beside it, hospital and municipality (Vågå) are asked for a coordinator, and answer. Days are counted from the day
the referral came; each step names the phase that the pathway is in after it.

How a step is said over FHIR stands in `adapter.sandbox.walking`. All persons are invented; their numbers have month + 80.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Answers:
    """The referral's Task is answered. `outcome` is 8485 (1 assessment, 2 treatment); without one the right is refused."""

    day: int
    phase: str
    outcome: str = ""
    limit: int = 0  # day of the patient's own date limit
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Registers:
    """An event is registered: its letter (9322), then its outcome, as in `CU`."""

    day: int
    code: str
    phase: str


@dataclass(frozen=True, slots=True)
class Does:
    """A duty is done: its Task is completed."""

    day: int
    duty: str
    phase: str


SPECIALIST, MUNICIPALITY = "specialist", "municipality"
"""The two sides, each with a FHIR server of its own."""


@dataclass(frozen=True, slots=True)
class Replies:
    """A side answers what it was asked last, at its own server. `move` is of `partner_answers.MOVES`.

    `who` is the coordinator where one is named: given and family name, telephone, HPR number.
    """

    day: int
    side: str
    move: str
    phase: str
    reason: str = ""
    who: tuple[str, str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class HandsOver:
    """The hospital asks the municipality for another coordinator, to be answered within so many days."""

    day: int
    phase: str
    days: int = 14


Step = Answers | Registers | Does | Replies | HandsOver


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented."""

    number: str
    family: str
    given: str
    born: str
    sex: str  # 3101: 1 male, 2 female


@dataclass(frozen=True, slots=True)
class Walk:
    """One patient's way. `ago` is how many days before today the referral came; `service` the HER-id that it came to."""

    name: str
    pathway: str
    rules: str
    service: str
    person: Person
    ago: int
    status: str  # of the EpisodeOfCare when all steps are done
    steps: tuple[Step, ...]


OURS: Final = ("Prøve", "Forløpsvik", "+4700003101", "990000301")
THEIRS: Final = ("Prøve", "Kommuneli", "+4700003201", "990000302")
NEXT: Final = ("Prøve", "Overtaksen", "+4700003202", "990000303")
"""Coordinators, invented like all others: the hospital's, the municipality's, and who takes over there."""


def named(day: int, phase: str) -> tuple[Replies, Replies]:
    """Both sides name their coordinators."""
    return Replies(day, SPECIALIST, "name", phase, who=OURS), Replies(day, MUNICIPALITY, "name", phase, who=THEIRS)


MENTAL: Final[tuple[Step, ...]] = (
    Answers(6, "waiting", outcome="1", limit=60),
    *named(7, "waiting"),
    Does(7, "informed-in-writing", "waiting"),
    Registers(20, "M", "basic-assessment"),
    Does(20, "what-matters-to-you", "basic-assessment"),
    Does(24, "children-and-siblings", "basic-assessment"),
    Registers(34, "UV", "basic-assessment"),
    Registers(55, "CU", "extended-assessment"),  # rules of 2019: until day 62, in time
    Registers(104, "CP", "planning"),  # until day 97: a week late
    Does(106, "crisis-plan", "planning"),
    Registers(108, "SM", "planning"),
    Registers(110, "UU", "planning"),
    Does(110, "agree-plan", "treatment"),
    Registers(140, "E", "treatment"),  # until day 146
    Registers(141, "F", "treatment"),
    Registers(215, "E", "treatment"),  # until day 224
    Registers(280, "HK", "closing"),  # before the next evaluation, day 299
    Does(284, "follow-up-plan", "closing"),
    Registers(288, "XG", "municipal-follow-up"),
)
"""Mental health care: extended assessment, treatment in the service itself, and then the municipality."""

SUBSTANCE: Final[tuple[Step, ...]] = (
    Answers(4, "waiting", outcome="1", limit=30),
    *named(5, "waiting"),
    Does(5, "informed-in-writing", "waiting"),
    Registers(15, "M", "basic-assessment"),
    Does(16, "somatic-health", "basic-assessment"),
    Registers(24, "D", "basic-assessment"),
    Registers(33, "CU", "extended-assessment"),  # rules of 2019: until day 36
    Registers(60, "CT", "planning"),  # no limit is known
    Registers(62, "UU", "planning"),
    Does(63, "agree-plan", "treatment"),
    Registers(66, "E", "treatment"),  # until day 67
    Registers(125, "E", "treatment"),  # until day 122: three days late
    Registers(126, "F", "treatment"),
    Registers(160, "HK", "closing"),
    Does(165, "follow-up-plan", "closing"),
    Registers(170, "XG", "municipal-follow-up"),
)
"""Substance-use treatment, with detoxification during the assessment."""

START: Final = Registers(0, "A", "referred")
"""By the rules of 2019 the pathway starts with the referral, and the journal system registers it; since 2025 it starts when the
right is granted, and the answer is the start."""

ADULTS, CHILDREN, SUBSTANCE_USE = "8000101", "8000102", "8000103"
ADULTS_2019, CHILDREN_2019, SUBSTANCE_USE_2019 = "8000111", "8000112", "8000113"
LONG_AGO: Final = 310

WALKS: Final[tuple[Walk, ...]] = (
    Walk(
        "adult-2019",
        "D11",
        "2019",
        ADULTS_2019,
        Person("12838540803", "Strandvik", "Prøve Myk", "1985-03-12", "2"),
        LONG_AGO,
        "finished",
        (START, *MENTAL),
    ),
    Walk(
        "adult-2025",
        "D11",
        "2025",
        ADULTS,
        Person("07897940994", "Myrstad", "Prøve Rolig", "1979-09-07", "1"),
        LONG_AGO,
        "finished",
        MENTAL,
    ),
    Walk(
        "child-2019",
        "D12",
        "2019",
        CHILDREN_2019,
        Person("21821650922", "Lysåsen", "Prøve Kvikk", "2016-02-21", "1"),
        LONG_AGO,
        "finished",
        (START, *MENTAL),
    ),
    Walk(
        "child-2025",
        "D12",
        "2025",
        CHILDREN,
        Person("03861750859", "Fjellbekk", "Prøve Glad", "2017-06-03", "2"),
        LONG_AGO,
        "finished",
        MENTAL,
    ),
    Walk(
        "substance-use-2019",
        "D01",
        "2019",
        SUBSTANCE_USE_2019,
        Person("15919041363", "Havnes", "Prøve Stille", "1990-11-15", "1"),
        LONG_AGO,
        "finished",
        (START, *SUBSTANCE[:7], Does(26, "detox-to-treatment", "basic-assessment"), *SUBSTANCE[7:]),  # three days, by these rules
    ),
    Walk(
        "substance-use-2025",
        "D01",
        "2025",
        SUBSTANCE_USE,
        Person("28848840841", "Elvemo", "Prøve Varm", "1988-04-28", "2"),
        LONG_AGO,
        "finished",
        SUBSTANCE,
    ),
    Walk(
        "adult-refused",
        "D11",
        "2019",
        ADULTS_2019,
        Person("30888241163", "Øvrelid", "Prøve Lett", "1982-08-30", "1"),
        LONG_AGO,
        "cancelled",
        (START, Answers(5, "refused", reason="Tilstanden kan behandles i kommunen.")),
    ),
    Walk(
        "child-overdue",
        "D12",
        "2019",
        CHILDREN_2019,
        Person("09811550881", "Solheimvik", "Prøve Blid", "2015-01-09", "2"),
        125,
        "active",
        (
            START,
            Answers(4, "waiting", outcome="1", limit=45),
            *named(5, "waiting"),
            Does(5, "informed-in-writing", "waiting"),
            Registers(15, "M", "basic-assessment"),
            Registers(30, "L", "basic-assessment"),  # put off by the family: the clock runs on
            Registers(70, "CP", "planning"),  # until day 57
            Does(75, "agree-plan", "treatment"),
            Does(125, "feedback-tools", "treatment"),  # today; an evaluation was due on day 112
        ),
    ),
    Walk(
        "child-handed-over",
        "D12",
        "2025",
        CHILDREN,
        Person("14901450057", "Toppdal", "Prøve Modig", "2014-10-14", "2"),
        95,
        "active",
        (
            Answers(6, "waiting", outcome="1", limit=60),
            Replies(7, SPECIALIST, "accept", "waiting"),
            Replies(7, MUNICIPALITY, "receive", "waiting"),  # the health station, since the child is under 16
            Does(7, "informed-in-writing", "waiting"),
            Replies(8, SPECIALIST, "name", "waiting", who=OURS),
            Replies(9, MUNICIPALITY, "reject", "waiting", reason="Helsestasjonen har ikke kapasitet før neste måned."),
            Replies(12, MUNICIPALITY, "accept", "waiting"),  # the coordinating unit, who is asked next
            Replies(13, MUNICIPALITY, "begin", "waiting"),
            Registers(20, "M", "basic-assessment"),
            Replies(21, MUNICIPALITY, "name", "basic-assessment", who=THEIRS),
            Registers(50, "CP", "planning"),
            HandsOver(60, "planning"),
            Replies(61, MUNICIPALITY, "accept", "planning"),
            Replies(64, MUNICIPALITY, "name", "planning", who=NEXT),
            Does(66, "agree-plan", "treatment"),
            Does(95, "feedback-tools", "treatment"),  # today
        ),
    ),
    Walk(
        "adult-waiting",
        "D11",
        "2025",
        ADULTS,
        Person("17859340784", "Bjørklund", "Prøve Trygg", "1993-05-17", "1"),
        22,
        "waitlist",
        (
            Answers(5, "waiting", outcome="1", limit=25),
            Replies(6, SPECIALIST, "name", "waiting", who=OURS),  # the municipality does not answer
            Does(22, "informed-in-writing", "waiting"),  # today; due soon from day 21
        ),
    ),
)
