ValueSet: PathwayType
Id: pathway-type
Title: "Type forløp"
Description: "The types of pathway (9321)."
* include codes from system $type

ValueSet: PathwayPhaseCodes
Id: pathway-phase
Title: "Forløpsfase"
Description: "The phases of a pathway."
* include codes from system $phase

ValueSet: PathwayEventCode
Id: pathway-event-code
Title: "Hendelse i forløp"
Description: "An event alone (9322), or type, event and outcome in one (9327)."
* include codes from system $event
* include codes from system $combined

ValueSet: PathwayEventStatus
Id: pathway-event-status
Title: "Status for hendelse"
Description: "An event stands, or is withdrawn."
* $observation-status#final
* $observation-status#entered-in-error

ValueSet: EventOutcome
Id: event-outcome
Title: "Utfall av hendelse"
Description: "What C (9323), S (9324), U (9325), X (9326) and H (9328) may come to."
* include codes from system $decision
* include codes from system $meeting
* include codes from system $activity
* include codes from system $closing
* include codes from system $help

ValueSet: DecisionOutcome
Id: decision-outcome
Title: "Utfall av klinisk beslutning"
Description: "What a clinical decision (C) comes to (9323)."
* include codes from system $decision

ValueSet: ClosingOutcome
Id: closing-outcome
Title: "Utfall av avslutning"
Description: "How a pathway ends (9326)."
* include codes from system $closing

ValueSet: EventComponent
Id: event-component
Title: "Opplysning ved hendelse"
Description: "What may be said beside an event."
* include codes from system $event-component

ValueSet: CareLevel
Id: care-level
Title: "Omsorgsnivå"
Description: "Outpatient clinic or ward."
* include codes from system $care-level

ValueSet: Severity
Id: severity
Title: "Alvorlighetsgrad"
Description: "How severe an eating disorder is (D08)."
* include codes from system $severity

ValueSet: AssessmentOutcome
Id: assessment-outcome
Title: "Utfall av vurdering"
Description: "What the assessment of a referral comes to (8485)."
* include codes from system $assessment

ValueSet: DeadlineTaskCode
Id: deadline-task-code
Title: "Oppgave med frist"
Description: "A time limit for an event, and the two that have no event. The assessment has a profile of its own."
* $pathway-task#deadline
* $pathway-task#detox-to-treatment
* $pathway-task#emergency-decision

ValueSet: AwaitedEvent
Id: awaited-event
Title: "Hendelse som har frist"
Description: "First attendance, clinical decision, evaluation (9322)."
* $event#M
* $event#C
* $event#E

ValueSet: DutyTaskCode
Id: duty-task-code
Title: "Oppgave for et menneske"
Description: "What a person must decide, and the duties of a pathway that have no code in 9322."
* $pathway-task#choose-pathway
* $pathway-task#link-referral
* $pathway-task#review-change
* $pathway-task#review-cancellation
* $pathway-task#choose-rule-set
* $pathway-task#review-event
* $pathway-task#informed-in-writing
* $pathway-task#interpreter
* $pathway-task#what-matters-to-you
* $pathway-task#specialist-takes-part
* $pathway-task#suicide-risk
* $pathway-task#children-and-siblings
* $pathway-task#next-of-kin-support
* $pathway-task#somatic-health
* $pathway-task#agree-plan
* $pathway-task#crisis-plan
* $pathway-task#individual-plan
* $pathway-task#feedback-tools
* $pathway-task#plan-transition-18
* $pathway-task#follow-up-plan
* $pathway-task#review-coordinator
* $pathway-task#contact-municipality
* $pathway-task#assess-child-coordinator
* $pathway-task#appoint-by-hand

ValueSet: DeadlineStatus
Id: deadline-status
Title: "Status mot frist"
Description: "How a time limit stands."
* $business-status#on-time
* $business-status#due-soon
* $business-status#overdue
* $business-status#met
* $business-status#met-late

ValueSet: DeadlineTaskStatus
Id: deadline-task-status
Title: "Status for oppgave med frist"
Description: "A time limit runs, is answered, does not apply, or was a mistake."
* $task-status#requested
* $task-status#completed
* $task-status#cancelled
* $task-status#entered-in-error

ValueSet: CoordinationTaskCode
Id: coordination-task-code
Title: "Oppgave om koordinator"
Description: "Assign, hand over or release a coordinator, or call such a Task off."
* include codes from system $coordination-task

ValueSet: FollowUpTaskCode
Id: follow-up-task-code
Title: "Oppgave for koordinator i kommunen"
Description: "The eight tasks of a municipal coordinator in a pathway."
* $pathway-task#koord1
* $pathway-task#koord2
* $pathway-task#koord3
* $pathway-task#koord4
* $pathway-task#koord5
* $pathway-task#koord6
* $pathway-task#koord7
* $pathway-task#koord8

ValueSet: CoordinatorAssignee
Id: coordinator-assignee
Title: "Hvem som spørres om koordinering"
Description: "What kind of party a municipality's rules ask."
* include codes from system $coordinator-assignee

ValueSet: AssignmentStandingCode
Id: assignment-standing
Title: "Hvordan en tildeling ligger an"
Description: "What only this service says of an assignment."
* $business-status#overdue
* $business-status#delivery-failed

ValueSet: AssignmentTaskStatus
Id: assignment-task-status
Title: "Status for tildeling"
Description: "Every status of a Task but *ready*, which has no meaning here."
* $task-status#draft
* $task-status#requested
* $task-status#received
* $task-status#accepted
* $task-status#rejected
* $task-status#in-progress
* $task-status#on-hold
* $task-status#completed
* $task-status#failed
* $task-status#cancelled
* $task-status#entered-in-error

ValueSet: AssignmentProgress
Id: assignment-progress
Title: "Framdrift i tildeling"
Description: "What the owner says of an assignment under way."
* $business-status#awaiting-information
* $business-status#coordinator-proposed

ValueSet: CoordinatorRole
Id: coordinator-role
Title: "Rolle som koordinator"
Description: "Who answers for the pathway, and where."
* include codes from system $coordinator-role
