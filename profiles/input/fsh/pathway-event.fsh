// An event in a pathway, registered by POST of an Observation.

Profile: PathwayEvent
Parent: Observation
Id: pathway-event
Title: "Hendelse i forløp"
Description: "An event in a pathway (9322), or type, event and outcome in one code (9327). One that was a mistake becomes entered-in-error."
* obeys event-1 and event-2 and event-3 and event-4 and event-5 and event-6 and event-7
* status from PathwayEventStatus (required)
* code from PathwayEventCode (required)
* subject 1..1
* subject only Reference(Patient)
* focus 0..1
* focus only Reference(EpisodeOfCare)
* effective[x] 1..1
* effective[x] only dateTime
* performer 1..1
* performer only Reference(Organization)
* value[x] only CodeableConcept
* value[x] from EventOutcome (required)
* component ^slicing.discriminator.type = #pattern
* component ^slicing.discriminator.path = "code"
* component ^slicing.rules = #open
* component.code from EventComponent (required)
* component contains
    pathway-type 0..1 and
    care-level 0..1 and
    severity 0..1 and
    outcome 0..*
* component[pathway-type].code = $event-component#pathway-type
* component[pathway-type].value[x] 1..1
* component[pathway-type].value[x] only CodeableConcept
* component[pathway-type].value[x] from PathwayType (required)
* component[care-level].code = $event-component#care-level
* component[care-level].value[x] 1..1
* component[care-level].value[x] only CodeableConcept
* component[care-level].value[x] from CareLevel (required)
* component[severity].code = $event-component#severity
* component[severity].value[x] 1..1
* component[severity].value[x] only CodeableConcept
* component[severity].value[x] from Severity (required)
* component[outcome].code = $event-component#outcome
* component[outcome].value[x] 1..1
* component[outcome].value[x] only CodeableConcept
* component[outcome].value[x] from DecisionOutcome (required)

Invariant: event-1
Description: "The code has exactly one coding of 9322 or 9327"
Severity: #error
Expression: "code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' or system = 'urn:oid:2.16.578.1.12.4.1.1.9327').count() = 1"
* insert norsk([["Koden har nøyaktig én kode fra 9322 eller 9327"]])

Invariant: event-2
Description: "C, S, U, X and H have an outcome as value; other events, and combined codes (9327), have no value"
Severity: #error
Expression: "value.exists() = code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and (code in ('C' | 'S' | 'U' | 'X' | 'H'))).exists()"
* insert norsk([["C, S, U, X og H har et utfall som value; andre hendelser og sammensatte koder (9327) har ingen value"]])

Invariant: event-3
Description: "The outcome is of the event's own list: C 9323, S 9324, U 9325, X 9326, H 9328"
Severity: #error
Expression: "value.empty() or (code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'C').exists() implies value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9323').exists()) and (code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'S').exists() implies value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9324').exists()) and (code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'U').exists() implies value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9325').exists()) and (code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'X').exists() implies value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9326').exists()) and (code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'H').exists() implies value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9328').exists())"
* insert norsk([["Utfallet er fra hendelsens egen liste: C 9323, S 9324, U 9325, X 9326, H 9328"]])

Invariant: event-4
Description: "Further outcomes stand beside a clinical decision (C) only"
Severity: #error
Expression: "component.where(code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/event-component' and code = 'outcome').exists()).exists() implies code.coding.where((system = 'urn:oid:2.16.578.1.12.4.1.1.9322' and code = 'C') or (system = 'urn:oid:2.16.578.1.12.4.1.1.9327' and code.matches('^D[0-9][0-9]C'))).exists()"
* insert norsk([["Flere utfall står bare ved klinisk beslutning (C)"]])

Invariant: event-5
Description: "Severity is said of eating disorders (D08) only"
Severity: #error
Expression: "component.where(code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/event-component' and code = 'severity').exists()).exists() implies (component.value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9321').all(code = 'D08') and code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9327').all(code.startsWith('D08')))"
* insert norsk([["Alvorlighetsgrad oppgis bare ved spiseforstyrrelser (D08)"]])

Invariant: event-6
Description: "A combined code (9327) is of the pathway type that is said beside it"
Severity: #error
Expression: "code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9327').exists() and component.value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9321').exists() implies component.value.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9321').code = code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9327').code.substring(0, 3)"
* insert norsk([["En sammensatt kode (9327) er av den forløpstypen som oppgis ved siden av"]])

Invariant: event-7
Description: "The event's date is known to the day"
Severity: #error
Expression: "effective.exists() implies effective.toString().matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}')"
* insert norsk([["Hendelsens dato er kjent på dagen"]])
