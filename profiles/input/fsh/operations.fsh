// What is asked of a pathway that no resource holds.

Instance: EpisodeOfCare-findings
InstanceOf: OperationDefinition
Usage: #definition
* url = "https://stafett.invalid/fhir/OperationDefinition/EpisodeOfCare-findings"
* name = "EpisodeOfCareFindings"
* title = "Hva reglene sier om forløpet"
* status = #active
* kind = #operation
* affectsState = false
* code = #findings
* description = "What the feedback rules of the national register (9329), and ours, say of a pathway's events as they stand, and which of its time limits are unknown."
* resource = #EpisodeOfCare
* system = false
* type = false
* instance = true
* parameter.name = #return
* parameter.use = #out
* parameter.min = 1
* parameter.max = "1"
* parameter.documentation = "All findings; one of severity information where there are none."
* parameter.type = #OperationOutcome
