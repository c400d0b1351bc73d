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

Instance: EpisodeOfCare-everything
InstanceOf: OperationDefinition
Usage: #definition
* url = "https://stafett.invalid/fhir/OperationDefinition/EpisodeOfCare-everything"
* name = "EpisodeOfCareEverything"
* title = "Alt om et forløp"
* status = #active
* kind = #operation
* affectsState = false
* code = #everything
* description = "All of one pathway: the EpisodeOfCare, what refers to it (CarePlan, Task, Observation, Encounter and others), what these refer to (ServiceRequest, CareTeam, Patient, persons, organisations and places), and their Provenance. What the caller may not see is left out."
* resource = #EpisodeOfCare
* system = false
* type = false
* instance = true
* insert asked-for(start, 0, "1", [["Only care on or after this date, and what says no date of care."]], date)
* insert asked-for(end, 0, "1", [["Only care on or before this date, and what says no date of care."]], date)
* insert asked-for(_since, 0, "1", [["Only resources that have changed at this moment or later."]], instant)
* insert asked-for(_type, 0, "*", [["Only resources of these types."]], code)
* insert asked-for(_count, 0, "1", [["How many are found on a page, beside which stands what they refer to. Without it all come at once, up to a thousand."]], integer)
* parameter[+].name = #return
* parameter[=].use = #out
* parameter[=].min = 1
* parameter[=].max = "1"
* parameter[=].documentation = "A searchset. What is of the pathway has search.mode match, what it refers to include."
* parameter[=].type = #Bundle

RuleSet: asked-for(name, min, max, what, type)
* parameter[+].name = #{name}
* parameter[=].use = #in
* parameter[=].min = {min}
* parameter[=].max = {max}
* parameter[=].documentation = {what}
* parameter[=].type = #{type}
