"""What to say of a broken invariant, in both languages: for the types that pathways meet. Others have the standard's words."""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "ait-1": (
        "An allergy needs clinicalStatus, unless verificationStatus says entered-in-error.",
        "En allergi må ha clinicalStatus, med mindre verificationStatus er entered-in-error.",
    ),
    "ait-2": (
        "An allergy that was entered in error has no clinicalStatus. Remove it.",
        "En allergi som er feilført, har ikke clinicalStatus. Fjern den.",
    ),
    "att-1": ("An attachment with data must say its contentType.", "Et vedlegg med data må oppgi contentType."),
    "con-1": ("A stage needs summary or assessment.", "Et stadium må ha summary eller assessment."),
    "con-2": ("Evidence needs code or detail.", "Et grunnlag (evidence) må ha code eller detail."),
    "con-3": (
        "A condition of the problem list should have clinicalStatus.",
        "En tilstand på problemlisten bør ha clinicalStatus.",
    ),
    "con-4": (
        "A condition with abatement has clinicalStatus resolved, remission or inactive.",
        "En tilstand med abatement har clinicalStatus resolved, remission eller inactive.",
    ),
    "con-5": (
        "A condition that was entered in error has no clinicalStatus. Remove it.",
        "En tilstand som er feilført, har ikke clinicalStatus. Fjern den.",
    ),
    "cpl-3": (
        "An activity has either detail or reference, not both.",
        "En aktivitet har enten detail eller reference, ikke begge.",
    ),
    "cpt-2": (
        "A contact point with a value must say its system (phone, email …).",
        "Et kontaktpunkt med verdi må oppgi system (phone, email …).",
    ),
    "ctm-1": (
        "onBehalfOf is used only where the member is a Practitioner.",
        "onBehalfOf brukes bare der medlemmet er en Practitioner.",
    ),
    "ext-1": (
        "An extension has either a value or extensions, not both.",
        "En utvidelse har enten verdi eller utvidelser, ikke begge.",
    ),
    "gol-1": ("A target with detail must name its measure.", "Et mål med detail må oppgi measure."),
    "obs-3": (
        "A reference range needs low, high or text.",
        "Et referanseområde må ha low, high eller text.",
    ),
    "obs-6": (
        "dataAbsentReason is used only where there is no value.",
        "dataAbsentReason brukes bare der verdien mangler.",
    ),
    "obs-7": (
        "An observation whose component has the observation's own code has no value of its own.",
        "En observasjon med en component som har observasjonens egen kode, har ikke egen verdi.",
    ),
    "org-1": ("An organization needs a name or an identifier.", "En organisasjon må ha navn eller identifikator."),
    "org-2": ("An organization's address is never 'home'.", "En organisasjons adresse er aldri 'home'."),
    "org-3": ("An organization's telecom is never 'home'.", "En organisasjons kontaktpunkt er aldri 'home'."),
    "pat-1": (
        "A contact needs a name, telecom, address or organization.",
        "En kontakt må ha navn, kontaktpunkt, adresse eller organisasjon.",
    ),
    "per-1": ("A period's end must not be before its start.", "En periodes slutt kan ikke være før starten."),
    "ppc-1": ("A consent needs policy or policyRule.", "Et samtykke må ha policy eller policyRule."),
    "prr-1": ("orderDetail is used only together with code.", "orderDetail brukes bare sammen med code."),
    "qty-3": (
        "A quantity with a code for its unit must say the code's system.",
        "En mengde med kode for enheten må oppgi kodens system.",
    ),
    "rat-1": (
        "A ratio has both numerator and denominator, or neither and an extension.",
        "Et forhold har både teller og nevner, eller ingen av dem og en utvidelse.",
    ),
    "rng-2": ("A range's low must not be above its high.", "Et områdes low kan ikke være over high."),
    "sqty-1": ("This quantity has no comparator.", "Denne mengden har ikke comparator."),
    "Task.inv-1": ("lastModified must not be before authoredOn.", "lastModified kan ikke være før authoredOn."),
    "tim-1": ("A duration needs its durationUnit.", "En varighet må ha durationUnit."),
    "tim-2": ("A period needs its periodUnit.", "En periode må ha periodUnit."),
    "tim-4": ("A duration is not negative.", "En varighet er ikke negativ."),
    "tim-5": ("A period is not negative.", "En periode er ikke negativ."),
    "tim-6": ("periodMax needs period.", "periodMax krever period."),
    "tim-7": ("durationMax needs duration.", "durationMax krever duration."),
    "tim-8": ("countMax needs count.", "countMax krever count."),
    "tim-9": (
        "An offset needs when, and is not used with C, CM, CD or CV.",
        "offset krever when, og brukes ikke med C, CM, CD eller CV.",
    ),
    "tim-10": ("timeOfDay and when are not used together.", "timeOfDay og when brukes ikke sammen."),
}
for _code, _what in {"ppc-2": "privacy", "ppc-3": "research", "ppc-4": "ADR", "ppc-5": "treatment"}.items():
    TEXTS[_code] = (f"A consent of scope {_what} names the patient.", f"Et samtykke av typen {_what} oppgir pasienten.")
