// The pathway itself: an EpisodeOfCare, its CarePlan, the team around the patient, and the referral that began it.

Profile: Pathway
Parent: EpisodeOfCare
Id: pathway
Title: "Forløp"
Description: "A national patient pathway in mental health care or substance-use treatment, at one enterprise, from referral to closing. What it is follows from its events; its phase stands in an extension, since R4's status is too coarse for it."
* obeys eoc-1 and eoc-2 and eoc-3
* extension contains
    PathwayPhase named phase 1..1 and
    RuleVersion named rule-version 1..1 and
    EpisodeCareLevel named care-level 0..1 and
    PathwayEndReason named pathway-end-reason 0..1 and
    SeniorityDate named seniority-date 0..1
* extension[phase] insert known-by-its-url
* extension[rule-version] insert known-by-its-url
* identifier 1..*
* identifier.system 1..1
* identifier.value 1..1
* statusHistory 1..*
* statusHistory.extension contains StatusReason named status-reason 0..1
* statusHistory.period.start 1..1
* type 1..1
* type from PathwayType (required)
* managingOrganization 1..1
* managingOrganization.identifier 1..1
* managingOrganization.identifier.system 1..1
* managingOrganization.identifier.system = $enh
* managingOrganization.identifier.value 1..1
* careManager only Reference(Practitioner or PractitionerRole)
* team only Reference(CareTeam)

Invariant: eoc-1
Description: "Status and phase agree: planned is referred, waitlist waiting, active an assessment, planning, treatment or closing, finished closed or municipal-follow-up, cancelled closed or refused; a pathway on hold is not ended"
Severity: #error
Expression: "(status = 'planned' implies extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value = 'referred') and (status = 'waitlist' implies extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value = 'waiting') and (status = 'active' implies (extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value in ('basic-assessment' | 'extended-assessment' | 'planning' | 'treatment' | 'closing'))) and (status = 'onhold' implies (extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value in ('closed' | 'municipal-follow-up' | 'refused')).not()) and (status = 'finished' implies (extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value in ('closed' | 'municipal-follow-up'))) and (status = 'cancelled' implies (extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value in ('closed' | 'refused')))"
* insert norsk([["Status og fase stemmer overens: planned er henvist, waitlist venter, active er utredning, planlegging, behandling eller avslutning, finished er avsluttet eller oppfølging i kommunen, cancelled er avsluttet eller avslått; et forløp på vent er ikke avsluttet"]])

Invariant: eoc-2
Description: "The status history has one open entry, and it is the present status"
Severity: #error
Expression: "statusHistory.where(period.end.empty()).count() = 1 and statusHistory.where(period.end.empty()).status = status"
* insert norsk([["Statushistorikken har én åpen linje og den er status nå"]])

Invariant: eoc-3
Description: "A finished pathway says when it ended"
Severity: #error
Expression: "status = 'finished' implies period.end.exists()"
* insert norsk([["Et fullført forløp sier når det ble avsluttet"]])

Profile: PathwayPlan
Parent: CarePlan
Id: pathway-plan
Title: "Plan for forløp"
Description: "What is to be done in a pathway, and by when: a reference to a Task for each. An individual plan or crisis plan is another CarePlan, without this profile."
* extension contains $workflow-episode named episode 1..1 and RuleVersion named rule-version 1..1
* extension[episode] insert known-by-its-url
* extension[rule-version] insert known-by-its-url
* identifier 1..*
* identifier.system 1..1
* identifier.value 1..1
* intent = #plan
* subject only Reference(Patient)
* period 1..1
* period.start 1..1
* activity.detail 0..0
* activity.reference 1..1

Profile: PathwayTeam
Parent: CareTeam
Id: pathway-team
Title: "Koordinatorer i forløp"
Description: "Who coordinates a pathway, and from when to when. EpisodeOfCare.team points to it. It follows from the pathway's assignments: each participant is first the enterprise that accepted, then the person it named. Where several servers have the team, its identifier tells that it is one. One whose assignments were all mistakes has no participant."
* obeys team-1 and team-2
* identifier 1..*
* identifier.system 1..1
* identifier.value 1..1
* status 1..1
* subject 1..1
* subject only Reference(Patient)
* subject.identifier 1..1
* subject.identifier.system 1..1
* subject.identifier.value 1..1
* participant.extension contains ParticipationEnd named participation-end 0..1
* participant.role 1..*
* participant.member 1..1
* participant.member only Reference(Organization or PractitionerRole or Practitioner)

Invariant: team-1
Description: "A coordinator's participation says from when"
Severity: #error
Expression: "participant.where(role.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordinator-role').exists()).all(period.start.exists())"
* insert norsk([["En koordinators deltakelse sier fra når"]])

Invariant: team-2
Description: "At most one specialist coordinator and one municipal coordinator at a time: the one before has an end when the next begins"
Severity: #error
Expression: "participant.where(period.end.empty() and role.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordinator-role' and code = 'specialist-coordinator').exists()).count() <= 1 and participant.where(period.end.empty() and role.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordinator-role' and code = 'municipal-coordinator').exists()).count() <= 1"
* insert norsk([["Høyst én forløpskoordinator i spesialisthelsetjenesten og én i kommunen om gangen: den forrige har en slutt når den neste begynner"]])

Profile: PathwayReferral
Parent: ServiceRequest
Id: pathway-referral
Title: "Henvisning"
Description: "A referral to mental health care or substance-use treatment, as a message had it: with its own identifier, and what R4 has no element for in extensions."
* extension contains
    RightsAssessment named rights-assessment 0..1 and
    PathwayCode named pathway-code 0..* and
    ReferralPriority named referral-priority 0..1
* identifier 1..*
* identifier.system 1..1
* identifier.value 1..1
* intent = #order
* subject only Reference(Patient)
