// The national code lists stand on the wire by their OID (the rule of HL7 Norway); ours by their canonical.
Alias: $type = urn:oid:2.16.578.1.12.4.1.1.9321
Alias: $event = urn:oid:2.16.578.1.12.4.1.1.9322
Alias: $decision = urn:oid:2.16.578.1.12.4.1.1.9323
Alias: $meeting = urn:oid:2.16.578.1.12.4.1.1.9324
Alias: $activity = urn:oid:2.16.578.1.12.4.1.1.9325
Alias: $closing = urn:oid:2.16.578.1.12.4.1.1.9326
Alias: $combined = urn:oid:2.16.578.1.12.4.1.1.9327
Alias: $help = urn:oid:2.16.578.1.12.4.1.1.9328
Alias: $assessment = urn:oid:2.16.578.1.12.4.1.1.8485
Alias: $enh = urn:oid:2.16.578.1.12.4.1.4.101

Alias: $event-component = https://stafett.invalid/fhir/CodeSystem/event-component
Alias: $care-level = https://stafett.invalid/fhir/CodeSystem/care-level
Alias: $severity = https://stafett.invalid/fhir/CodeSystem/severity
Alias: $phase = https://stafett.invalid/fhir/CodeSystem/pathway-phase
Alias: $pathway-task = https://stafett.invalid/fhir/CodeSystem/pathway-task
Alias: $coordination-task = https://stafett.invalid/fhir/CodeSystem/coordination-task
Alias: $task-input = https://stafett.invalid/fhir/CodeSystem/task-input
Alias: $task-output = https://stafett.invalid/fhir/CodeSystem/task-output
Alias: $business-status = https://stafett.invalid/fhir/CodeSystem/business-status
Alias: $coordinator-assignee = https://stafett.invalid/fhir/CodeSystem/coordinator-assignee
Alias: $coordinator-role = https://stafett.invalid/fhir/CodeSystem/coordinator-role

Alias: $consentscope = http://terminology.hl7.org/CodeSystem/consentscope
Alias: $task-status = http://hl7.org/fhir/task-status
Alias: $observation-status = http://hl7.org/fhir/observation-status
Alias: $workflow-episode = http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare

// The Norwegian words of an invariant, in the standard's own extension for them.
RuleSet: norsk(text)
* human.extension.url = "http://hl7.org/fhir/StructureDefinition/translation"
* human.extension.extension[+].url = "lang"
* human.extension.extension[=].valueCode = #nb
* human.extension.extension[+].url = "content"
* human.extension.extension[=].valueString = {text}

// A mandatory extension's url, spelt out in the profile: not every tool (Medplum's checker) looks for it in the extension's own
// definition, and one that does not would miss the extension where it stands.
RuleSet: known-by-its-url
* url ^short = "identifies the meaning of the extension"
