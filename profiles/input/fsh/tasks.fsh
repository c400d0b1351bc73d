// What is to be done by someone, and by when.

Profile: PathwayTask
Parent: Task
Id: pathway-task
Title: "Oppgave i forløp"
Description: "What the Tasks of a pathway have in common."
* ^abstract = true
* obeys task-1 and task-2
* intent = #order
* code 1..1
* for 1..1
* for only Reference(Patient)
* authoredOn 1..1
* owner 1..1
* businessStatus from DeadlineStatus (required)

Invariant: task-1
Description: "A Task that is rejected, cancelled, failed or on hold says why (statusReason)"
Severity: #error
Expression: "(status = 'rejected' or status = 'cancelled' or status = 'failed' or status = 'on-hold') implies statusReason.exists()"
* insert norsk([["En oppgave som er avvist, avbrutt, mislykket eller på vent sier hvorfor (statusReason)"]])

Invariant: task-2
Description: "Only what is completed has met its time limit, in time or late"
Severity: #error
Expression: "businessStatus.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/business-status' and (code = 'met' or code = 'met-late')).exists() implies status = 'completed'"
* insert norsk([["Bare det som er utført, har holdt fristen eller er utført etter den"]])

Profile: AssessmentTask
Parent: PathwayTask
Id: assessment-task
Title: "Vurdering av henvisning"
Description: "Assess the referral: right to care, outcome and date limit (pbrl § 2-2). Answered by completing it with outputs. That it is rejected means only that this unit will not assess it."
* obeys assess-1 and assess-2 and assess-3
* code = $pathway-task#assess-referral
* focus 1..1
* focus only Reference(ServiceRequest)
* businessStatus 1..1
* restriction 1..1
* restriction.period 1..1
* restriction.period.start 1..1
* restriction.period.end 1..1
* output ^slicing.discriminator.type = #pattern
* output ^slicing.discriminator.path = "type"
* output ^slicing.rules = #open
* output contains
    right-to-care 0..1 and
    assessed-on 0..1 and
    assessment-outcome 0..1 and
    date-limit 0..1 and
    refusal-reason 0..1 and
    settled-condition 0..1
* output[right-to-care].type = $task-output#right-to-care
* output[right-to-care].value[x] only boolean
* output[assessed-on].type = $task-output#assessed-on
* output[assessed-on].value[x] only date
* output[assessment-outcome].type = $task-output#assessment-outcome
* output[assessment-outcome].value[x] only CodeableConcept
* output[assessment-outcome].value[x] from AssessmentOutcome (required)
* output[date-limit].type = $task-output#date-limit
* output[date-limit].value[x] only date
* output[refusal-reason].type = $task-output#refusal-reason
* output[refusal-reason].value[x] only string
* output[settled-condition].type = $task-output#settled-condition
* output[settled-condition].value[x] only boolean

Invariant: assess-1
Description: "A completed assessment has the outputs right-to-care and assessed-on"
Severity: #error
Expression: "status = 'completed' implies (output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'right-to-care').exists() and output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'assessed-on').exists())"
* insert norsk([["En utført vurdering har output right-to-care og assessed-on"]])

Invariant: assess-2
Description: "Where there is a right to care, the outputs assessment-outcome and date-limit are there too, and no refusal-reason"
Severity: #error
Expression: "output.where(type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'right-to-care').exists() and value = true).exists() implies (output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'assessment-outcome').exists() and output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'date-limit').exists() and output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'refusal-reason').empty())"
* insert norsk([["Der det er rett til helsehjelp, finnes også output assessment-outcome og date-limit, og ingen refusal-reason"]])

Invariant: assess-3
Description: "Where there is no right to care, the output refusal-reason says why, and there is no date-limit"
Severity: #error
Expression: "output.where(type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'right-to-care').exists() and value = false).exists() implies (output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'refusal-reason').exists() and output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'date-limit').empty())"
* insert norsk([["Der det ikke er rett til helsehjelp, sier output refusal-reason hvorfor, og det er ingen date-limit"]])

Profile: DeadlineTask
Parent: PathwayTask
Id: deadline-task
Title: "Frist i forløp"
Description: "A time limit: for an event (M, C, E), from detoxification to treatment, or for the decision after emergency care. The status is its life, businessStatus how it stands."
* obeys deadline-1
* extension contains PatientCaused named patient-caused 0..1 and LimitSource named limit-source 0..1
* groupIdentifier 1..1
* status from DeadlineTaskStatus (required)
* businessStatus 1..1
* code.coding 1..*
* code.coding ^slicing.discriminator.type = #value
* code.coding ^slicing.discriminator.path = "system"
* code.coding ^slicing.rules = #open
* code.coding contains task 1..1 and event 0..1
* code.coding[task] from DeadlineTaskCode (required)
* code.coding[task].system 1..1
* code.coding[task].system = $pathway-task
* code.coding[event] from AwaitedEvent (required)
* code.coding[event].system 1..1
* code.coding[event].system = $event
* restriction 1..1
* restriction.period 1..1
* restriction.period.start 1..1
* restriction.period.end 1..1

Invariant: deadline-1
Description: "A time limit of code deadline names the event that it awaits; the others have none"
Severity: #error
Expression: "code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/pathway-task' and code = 'deadline').exists() = code.coding.where(system = 'urn:oid:2.16.578.1.12.4.1.1.9322').exists()"
* insert norsk([["En frist med kode deadline nevner hendelsen den venter på; de andre har ingen"]])

Profile: DutyTask
Parent: PathwayTask
Id: duty-task
Title: "Oppgave for et menneske"
Description: "What a person must decide before the service can go on, or a duty of the pathway that has no code of its own. An event may have opened the pathway: then there is no referral to focus on."
* code from DutyTaskCode (required)
* description 1..1
* focus 0..1
* focus only Reference(ServiceRequest or EpisodeOfCare or CarePlan or Observation)

Profile: SharedTask
Parent: Task
Id: shared-task
Title: "Oppgave mellom virksomheter"
Description: "What the Tasks that stand between enterprises have in common. They say no more of the patient than is needed to decide."
* ^abstract = true
* obeys task-1 and assign-1 and assign-5 and assign-6
* extension contains AssignmentDecision named decision 0..1 and AssignmentStanding named standing 0..1
* identifier 1..1
* identifier.system 1..1
* identifier.system = "urn:ietf:rfc:3986"
* identifier.value 1..1
* groupIdentifier 1..1
* status from AssignmentTaskStatus (required)
* businessStatus from AssignmentProgress (required)
* intent = #order
* code 1..1
* focus 1..1
* for 1..1
* for only Reference(Patient)
* for.identifier 1..1
* for.identifier.system 1..1
* for.identifier.value 1..1
* authoredOn 1..1
* requester 1..1
* requester only Reference(Organization)
* requester.identifier 1..1
* requester.identifier.system 1..1
* requester.identifier.system = $enh
* requester.identifier.value 1..1
* performerType 0..1
* performerType from CoordinatorAssignee (required)
* owner 1..1
* owner only Reference(Organization)
* owner.identifier 1..1
* owner.identifier.system 1..1
* owner.identifier.system = $enh
* owner.identifier.value 1..1
* reasonCode 0..0
* reasonReference 0..0
* restriction.period 1..1
* restriction.period.end 1..1
* input ^slicing.discriminator.type = #pattern
* input ^slicing.discriminator.path = "type"
* input ^slicing.rules = #open
* input contains own-coordinator 0..1 and previous-assignment 0..1 and further-information 0..*
* input[own-coordinator].type = $task-input#own-coordinator
* input[own-coordinator].value[x] only Reference(Practitioner or PractitionerRole)
* input[previous-assignment].type = $task-input#previous-assignment
* input[previous-assignment].value[x] only Reference(Task)
* input[further-information].type = $task-input#further-information
* input[further-information].value[x] only string

Profile: AssignmentTask
Parent: SharedTask
Id: assignment-task
Title: "Tildeling av koordinator"
Description: "One enterprise asks another to appoint, take over or release a coordinator for a patient, or calls such a Task off. An enterprise may ask itself: so a specialist coordinator is appointed."
* obeys assign-2 and assign-3 and assign-4
* code from CoordinationTaskCode (required)
* restriction 1..1
* focus only Reference(CarePlan or Task)
* output ^slicing.discriminator.type = #pattern
* output ^slicing.discriminator.path = "type"
* output ^slicing.rules = #open
* output contains assigned-coordinator 0..1
* output[assigned-coordinator].type = $task-output#assigned-coordinator
* output[assigned-coordinator].value[x] only Reference(PractitionerRole)

Profile: FollowUpTask
Parent: SharedTask
Id: follow-up-task
Title: "Oppgave for koordinator i kommunen"
Description: "One of the eight tasks of a municipal coordinator in a pathway. It has the same life as an assignment."
* code from FollowUpTaskCode (required)
* focus only Reference(CarePlan)

Invariant: assign-1
Description: "A Task that was a mistake says why (statusReason)"
Severity: #error
Expression: "status = 'entered-in-error' implies statusReason.exists()"
* insert norsk([["En oppgave som var en feil sier hvorfor (statusReason)"]])

Invariant: assign-2
Description: "A completed assignment or handover says who the coordinator is: output assigned-coordinator"
Severity: #error
Expression: "(status = 'completed' and code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordination-task' and (code = 'assign-coordinator' or code = 'handover-coordinator')).exists()) implies output.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-output' and code = 'assigned-coordinator').exists()"
* insert norsk([["En utført tildeling eller overføring sier hvem koordinatoren er: output assigned-coordinator"]])

Invariant: assign-3
Description: "A handover names the assignment before it, in partOf or in input previous-assignment"
Severity: #error
Expression: "code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordination-task' and code = 'handover-coordinator').exists() implies (partOf.exists() or input.type.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/task-input' and code = 'previous-assignment').exists())"
* insert norsk([["En overføring nevner tildelingen før den, i partOf eller i input previous-assignment"]])

Invariant: assign-4
Description: "What is called off (abort) is a Task, and the focus of any other is not"
Severity: #error
Expression: "focus.exists() implies (code.coding.where(system = 'https://stafett.invalid/fhir/CodeSystem/coordination-task' and code = 'abort').exists() = (focus.where(type = 'Task').exists() or focus.where(reference.matches('(^|/)Task/')).exists()))"
* insert norsk([["Det som avlyses (abort) er en Task, og det er ikke det andre gjelder"]])

Invariant: assign-5
Description: "The identifier is a UUID as urn:uuid:, in lower case"
Severity: #error
Expression: "identifier.value.exists() implies identifier.value.matches('^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')"
* insert norsk([["Identifikatoren er en UUID som urn:uuid:, med små bokstaver"]])

Invariant: assign-6
Description: "The patient is named by fødselsnummer or D-number"
Severity: #error
Expression: "for.identifier.system.exists() implies (for.identifier.system = 'urn:oid:2.16.578.1.12.4.1.4.1' or for.identifier.system = 'urn:oid:2.16.578.1.12.4.1.4.2')"
* insert norsk([["Pasienten er angitt med fødselsnummer eller D-nummer"]])
