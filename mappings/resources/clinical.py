"""What a referral says of the patient's health: Condition, MedicationStatement, AllergyIntolerance, Flag, Observation.

Nothing is concluded: a status that R4 demands and the message lacks is `unknown` where R4 has that, and each such rule is named.
"""

from __future__ import annotations

from adapter.domain.referral import Coded, Diagnosis, Information, Medication, Precaution, Result, Said, Statement
from mappings import terms, times
from mappings.resources import elements
from mappings.resources.writer import EXTENSION, Writer, own, reference
from mappings.trail import Build

_FLAGGED = {"CAVE", "NB", "SM"}  # 8233: to be seen at once
_ALLERGIC = "10"  # 7307: allergic to the drug
_AS_NEEDED = "3"  # 9101: ved behov


def condition(writer: Writer, diagnosis: Diagnosis, position: int, patient: str) -> str:
    """A Condition (https://hl7.org/fhir/R4/condition.html) per Diagnosis."""
    id = writer.own_id("condition", position)
    build = writer.begin("Condition", id, "condition")
    writer.concept(build, "code", diagnosis.concept)
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    for name, values in diagnosis.modifiers:
        holder = build.item("extension")
        holder.put("url", EXTENSION + "diagnosis-modifier", rule="Modifier")
        holder.push("extension", {"url": "name", "valueCodeableConcept": writer.codeable(name)}, name.said)
        for value in values:
            holder.push("extension", {"url": "value", "valueCodeableConcept": writer.codeable(value)}, value.said)
    return id


def precaution(writer: Writer, given: Precaution, position: int, patient: str) -> tuple[str, str]:
    """PatientPrecaution: a Flag (https://hl7.org/fhir/R4/flag.html)."""
    id = writer.own_id("precaution", position)
    build = writer.begin("Flag", id, "flag")
    _flag_status(writer, build, given.end)
    build.put("code", {"text": given.text.text}, given.text)
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    elements.period(build, "period", given.start, given.end)
    return "Flag", id


def _flag_status(writer: Writer, build: Build, end: Said | None) -> None:
    ended = times.day(end.value) if end else ""
    over = bool(ended) and ended < writer.receipt.day.isoformat()
    build.put("status", "inactive" if over else "active", *((end,) if end and over else ()), rule="active until its end date")


def information(writer: Writer, given: Information, position: int, patient: str) -> tuple[str, str]:
    """An InfItem, by what it holds: a medication, a warning, a result or a description."""
    if given.medication:
        if (given.medication.status and given.medication.status.said.value == _ALLERGIC) or _kind(given) == "CAVE":
            return _allergy(writer, given, given.medication, position, patient)
        return _medication(writer, given, given.medication, position, patient)
    if given.result is None and given.description and _kind(given) in _FLAGGED:
        return _flag(writer, given, position, patient)
    return _observation(writer, given, position, patient)


def _kind(given: Information) -> str:
    return given.kind.said.value if given.kind else ""


def _medication(writer: Writer, given: Information, drug: Medication, position: int, patient: str) -> tuple[str, str]:
    """https://hl7.org/fhir/R4/medicationstatement.html"""
    id = writer.own_id("information", position)
    build = writer.begin("MedicationStatement", id, "medication-statement")
    status = writer.translate(f"medication-status-{drug.status.list}", drug.status) if drug.status else ""
    build.put(
        "status",
        status or "unknown",
        *((drug.status.said,) if drug.status else ()),
        rule="" if status else "the message does not say",
    )
    writer.extend_code(build, "medication-status", drug.status)  # how it is used: no reason for the status
    writer.concept(build, "category", given.kind)
    writer.concept(build, "medicationCodeableConcept", drug.drug)
    if drug.drug is None:
        build.put("medicationCodeableConcept", {"text": "ikke oppgitt"}, rule="the message names no drug")
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    elements.period(build, "effectivePeriod", given.start, given.end)
    elements.date_time(build, "dateAsserted", given.noted)
    _dosage(build, drug)
    if supplied := elements.quantity(drug.quantity):
        writer.extend(build, "quantity-supplied", "Quantity", supplied, drug.quantity)  # type: ignore[arg-type]
    elements.annotation(build, "note", drug.comment)
    return "MedicationStatement", id


def _dosage(build: Build, drug: Medication) -> None:
    dose, duration = elements.quantity(drug.dose), elements.quantity(drug.duration)
    as_needed = drug.status is not None and drug.status.list == "9101" and drug.status.said.value == _AS_NEEDED
    if not (drug.dosage or dose or duration or as_needed):
        return
    dosage = build.item("dosage")
    dosage.whole("text", drug.dosage)
    if as_needed and drug.status:
        dosage.put("asNeededBoolean", True, drug.status.said)
    if duration and drug.duration:
        dosage.object("timing").object("repeat").put("boundsDuration", duration, drug.duration)
    if dose and drug.dose:
        dosage.item("doseAndRate").put("doseQuantity", dose, drug.dose)


def _allergy(writer: Writer, given: Information, drug: Medication, position: int, patient: str) -> tuple[str, str]:
    """A drug that the patient is allergic to or must not have (https://hl7.org/fhir/R4/allergyintolerance.html)."""
    id = writer.own_id("information", position)
    build = writer.begin("AllergyIntolerance", id, "allergy-intolerance")
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}
    source = [c.said for c in (drug.status, given.kind) if c]
    build.put("clinicalStatus", active, *source[:1], rule="ait-1 asks for it; the referral warns of it now")
    build.push("category", "medication", rule="a drug is named")
    writer.concept(build, "code", drug.drug)
    build.put("patient", reference("Patient", patient), rule="the message's patient")
    elements.date_time(build, "onsetDateTime", given.start)
    elements.date_time(build, "recordedDate", given.noted)
    elements.date_time(build, "lastOccurrence", given.end)
    writer.extend_code(build, "information-type", given.kind)
    writer.extend_code(build, "medication-status", drug.status)
    for said in (drug.comment, drug.dosage):
        elements.annotation(build, "note", said)
    for name, amount in (("dose", drug.dose), ("quantity-supplied", drug.quantity), ("intended-duration", drug.duration)):
        if amount and (value := elements.quantity(amount)):
            writer.extend(build, name, "Quantity", value, amount)
    return "AllergyIntolerance", id


def _flag(writer: Writer, given: Information, position: int, patient: str) -> tuple[str, str]:
    id = writer.own_id("information", position)
    build = writer.begin("Flag", id, "flag")
    _flag_status(writer, build, given.end)
    writer.concept(build, "category", given.kind, repeats=True)
    if given.description:
        build.put("code", {"text": given.description.text}, given.description)
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    elements.period(build, "period", given.start, given.end)
    if given.comment:
        writer.extend(build, "note", "Markdown", given.comment.text, given.comment)
    if given.noted and (at := times.date_time(given.noted.value)):
        writer.extend(build, "noted-on", "DateTime", at, given.noted)
    return "Flag", id


def _observation(writer: Writer, given: Information, position: int, patient: str) -> tuple[str, str]:
    """https://hl7.org/fhir/R4/observation.html"""
    id = writer.own_id("information", position)
    build = writer.begin("Observation", id, "observation")
    build.put("status", "final", rule="stated by the referrer")
    result = given.result
    if result and result.investigation:
        writer.concept(build, "category", given.kind, repeats=True)
        writer.concept(build, "code", result.investigation)
    elif given.kind:
        writer.concept(build, "code", given.kind)
    else:
        build.put("code", {"text": "Klinisk opplysning"}, rule="the message gives no type")
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    if result and result.investigated:
        elements.date_time(build, "effectiveDateTime", result.investigated)
        for name, said in (("started-on", given.start), ("ended-on", given.end)):
            if said and (at := times.date_time(said.value)):
                writer.extend(build, name, "DateTime", at, said)
    else:
        elements.period(build, "effectivePeriod", given.start, given.end)
    elements.instant(build, "issued", given.noted)
    build.whole("valueString", given.description)
    elements.annotation(build, "note", given.comment)
    if result:
        _result(writer, build, result)
    return "Observation", id


def _result(writer: Writer, build: Build, result: Result) -> None:
    if number := elements.quantity(result.number):
        sources = [s for s in (result.number, result.comparator) if s]
        comparator = terms.concept_map("comparator").get(result.comparator.value, "") if result.comparator else ""
        build.put("valueQuantity", number | ({"comparator": comparator} if comparator else {}), *sources)
        if result.comparator and not comparator:
            writer.extend(build, "comparator", "Code", result.comparator.value, result.comparator)
    low, high = elements.quantity(result.low), elements.quantity(result.high)
    if low or high:
        sources = [s for s in (result.low, result.high) if s]
        build.put("valueRange", ({"low": low} if low else {}) | ({"high": high} if high else {}), *sources)
    elements.date_time(build, "valueDateTime", result.date)
    if result.code:
        writer.concept(build, "valueCodeableConcept", result.code, text=result.text)
    else:
        build.whole("valueString", result.text)
    writer.extend_code(build, "heading", result.heading)
    writer.extend_code(build, "result-type", result.service_type)
    for specification in result.specifications:
        writer.extend_code(build, "investigation-specification", specification)
    writer.concept(build, "interpretation", result.deviation, repeats=True)
    elements.annotation(build, "note", result.comment)


def statement(writer: Writer, given: Statement, position: int, patient: str, about: str = "") -> tuple[str, str]:
    """Any other statement: an Observation with a code of ours, its parts as components."""
    id = writer.own_id("statement", position)
    build = writer.begin("Observation", id, "observation")
    build.put("status", "final", rule="stated by the referrer")
    build.put("code", own("referral-statement", given.code), rule="named by its place in the message")
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    if given.names:
        build.mark("subject", tuple(given.names), "the patient's own name")
    if about:
        build.push("focus", reference("RelatedPerson", about), rule="the person named there")
    if given.on and given.until:
        elements.period(build, "effectivePeriod", given.on, given.until)
    else:
        elements.date_time(build, "effectiveDateTime", given.on)
        if given.until:
            elements.period(build, "effectivePeriod", None, given.until)
    if given.value is not None:
        _value(writer, build, given.type, given.value)
    for code, type, value in given.parts:
        component = build.item("component")
        component.put("code", own("referral-statement", code), rule="named by its place in the message")
        _value(writer, component, type, value)
    for note in given.notes:
        elements.annotation(build, "note", note)
    return "Observation", id


def _value(writer: Writer, build: Build, type: str, value: Said | Coded) -> None:
    if isinstance(value, Coded):
        writer.concept(build, "valueCodeableConcept", value)
    elif type == "boolean":
        if (yes := elements.boolean(value)) is not None:
            build.put("valueBoolean", yes, value)
    elif type == "date":
        elements.date_time(build, "valueDateTime", value)
    else:
        build.whole("valueString", value) if value.text else build.say("valueString", value)
