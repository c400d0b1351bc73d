"""The words of the baton, in Norwegian and English: what is awaited, what somebody is to do, how an assignment stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapter.domain.coordination import Text

FOLLOW_UP: Final = "municipal-follow-up"

MILESTONES: Final[Mapping[str, Text]] = {
    "referred": Text("Henvisningen vurderes", "The referral is assessed"),
    "waiting": Text("Første fremmøte", "First attendance"),
    "basic-assessment": Text("Klinisk beslutning", "Clinical decision"),
    "extended-assessment": Text("Klinisk beslutning etter utvidet utredning", "Clinical decision after extended assessment"),
    "planning": Text("Behandlingsplanen avtales", "The treatment plan is agreed"),
    "treatment": Text("Evaluering, eller avslutning", "Evaluation, or closing"),
    "closing": Text("Forløpet avsluttes", "The pathway is closed"),
    FOLLOW_UP: Text("Kommunen følger opp", "The municipality follows up"),
}
"""What comes after each phase, where no time limit runs."""

TO_DO: Final[Mapping[str, Text]] = {
    "refused": Text(
        "Les hvorfor de avviste det, rett det, og send på nytt.", "Read why they refused it, correct it, and send it again."
    ),
    "conflict": Text(
        "Se på begge versjonene, bli enige med den andre parten, og send på nytt.",
        "Look at both versions, agree with the other side, and send it again.",
    ),
    "illegal": Text("Ring dem som endret det, og be dem gjøre det om.", "Call those who changed it, and ask them to undo it."),
    "foreign": Text(
        "Ring dem som har serveren, og be dem rette det som står der.",
        "Call those whose server it is, and ask them to put right what stands there.",
    ),
    "overdue": Text("Ring den som er spurt.", "Call those who were asked."),
    "unreachable": Text(
        "Prøv forbindelsen med «stafett partner check», og ring dem som har serveren. Det som venter, sendes av seg selv.",
        "Try the line with “stafett partner check”, and call those who run the server. What waits is sent by itself.",
    ),
    "no-one-to-ask": Text("Ring kommunen og avtal hvem som koordinerer.", "Call the municipality and agree on who coordinates."),
    "Partner refused": Text(
        "Prøv forbindelsen med «stafett partner check», og be dem som har serveren om tilgang.",
        "Try the line with “stafett partner check”, and ask those who run the server for access.",
    ),
}
"""What somebody does about each kind of trouble; with `Partner` before it, about a whole server."""

TROUBLES: Final[Mapping[str, Text]] = {
    "refused": Text("Det vi sendte, ble avvist", "What was sent there was refused"),
    "conflict": Text("Begge sider har endret det samme", "Both sides have changed the same"),
    "illegal": Text("Det er endret på en måte som ikke går an", "It was changed in a way that is not allowed"),
    "foreign": Text("Det som står der, kan ikke tas imot her", "What stands there cannot be taken in here"),
    "overdue": Text("Det er ikke svart innen fristen", "There was no answer by the deadline"),
    "unreachable": Text("Det kommer ikke frem", "It does not get through"),
    "no-one-to-ask": Text("Det er ingen å spørre herfra", "There is nobody to ask from here"),
    "Partner refused": Text("Vi får ikke høre hva som er nytt der", "What is new there is not told to us"),
    "Partner unreachable": Text("Serveren svarer ikke", "The server does not answer"),
}
"""What each kind of trouble is, where no more than the kind is known; with `Partner` before it, of a whole server."""

LOOK: Final = Text("Se på saken.", "Look into it.")

ANSWERS: Final[Mapping[str, Text]] = {
    "assign-coordinator": Text("svarer på om de vil koordinere", "answers whether it will coordinate"),
    "handover-coordinator": Text("svarer på om de overtar", "answers whether it takes over"),
    "release-coordinator": Text("svarer på om koordineringen kan avsluttes", "answers whether the coordination can end"),
    "abort": Text("svarer på om oppdraget avsluttes", "answers whether the assignment ends"),
}
"""What somebody who was asked does next."""

DOES: Final[Mapping[str, Text]] = {
    "assign-coordinator": Text("navngir koordinatoren", "names the coordinator"),
    "handover-coordinator": Text("navngir den nye koordinatoren", "names the new coordinator"),
    "release-coordinator": Text("avslutter koordineringen", "ends the coordination"),
    "abort": Text("avslutter oppdraget", "ends the assignment"),
}
"""What somebody who has said yes does next."""

KINDS: Final[Mapping[str, Text]] = {
    "assign-coordinator": Text("Være koordinator", "To coordinate"),
    "handover-coordinator": Text("Overta som koordinator", "To take over as coordinator"),
    "release-coordinator": Text("Avslutte koordineringen", "To end the coordination"),
    "abort": Text("Avslutte et oppdrag", "To end an assignment"),
}

STANDINGS: Final[Mapping[str, Text]] = {
    "draft": Text("under arbeid hos oss", "being written here"),
    "requested": Text("sendt", "sent"),
    "received": Text("mottatt", "received"),
    "accepted": Text("sagt ja", "said yes"),
    "in-progress": Text("i arbeid", "under way"),
    "on-hold": Text("på vent", "on hold"),
    "completed": Text("utført", "done"),
    "rejected": Text("sagt nei", "said no"),
    "failed": Text("gitt opp", "given up"),
    "cancelled": Text("avlyst", "called off"),
    "entered-in-error": Text("var en feil", "was a mistake"),
}
