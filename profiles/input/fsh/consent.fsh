// A patient's blocking of an organisation or a person: what a record's service enforces, and nothing that it would not.

Profile: PatientBlock
Parent: Consent
Id: patient-block
Title: "Pasientens sperring"
Description: "A patient who does not want an organisation or a person to see their record (pasient- og brukerrettighetsloven § 5-3, pasientjournalloven § 17). While it is active nothing of that record exists for whom it names. It holds until its status says otherwise: inactive where the patient lifts it, entered-in-error where it was a mistake. It hides the whole record from all that are named; one with a time, a purpose, exceptions or parts is refused, since less would be hidden than the patient said."
* obeys block-1
* modifierExtension 0..0
* scope = $consentscope#patient-privacy
* patient 1..1
* patient only Reference(Patient)
* patient.reference 1..1
* organization 1..1
* organization only Reference(Organization)
* provision 1..1
* provision.modifierExtension 0..0
* provision.type 1..1
* provision.type = #deny
* provision.period 0..0
* provision.actor 1..*
* provision.actor.modifierExtension 0..0
* provision.actor.reference only Reference(Organization or Practitioner)
* provision.actor.reference.reference 0..0
* provision.actor.reference.identifier 1..1
* provision.actor.reference.identifier.system 1..1
* provision.actor.reference.identifier.value 1..1
* provision.action 0..0
* provision.securityLabel 0..0
* provision.purpose 0..0
* provision.class 0..0
* provision.code 0..0
* provision.dataPeriod 0..0
* provision.data 0..0
* provision.provision 0..0

Invariant: block-1
Description: "Each actor is named by an organisation number, an HPR number, or a person's national number (fødselsnummer, D-number)"
Severity: #error
Expression: "provision.actor.reference.identifier.all(system in ('urn:oid:2.16.578.1.12.4.1.4.101' | 'urn:oid:2.16.578.1.12.4.1.4.4' | 'urn:oid:2.16.578.1.12.4.1.4.1' | 'urn:oid:2.16.578.1.12.4.1.4.2'))"
* insert norsk([["Hver aktør er oppgitt med organisasjonsnummer, HPR-nummer eller personens fødselsnummer eller D-nummer"]])
