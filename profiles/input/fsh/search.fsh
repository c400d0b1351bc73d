// Where R4 has no search parameter for what a pathway is looked up by.

RuleSet: parameter(name, base, code, type, expression)
* url = "https://stafett.invalid/fhir/SearchParameter/{name}"
* status = #active
* code = #{code}
* base = #{base}
* type = #{type}
* expression = {expression}

Instance: Task-deadline
InstanceOf: SearchParameter
Usage: #definition
* insert parameter(Task-deadline, Task, deadline, date, "Task.restriction.period.end")
* name = "TaskDeadline"
* description = "When a Task is due."

Instance: CarePlan-episode
InstanceOf: SearchParameter
Usage: #definition
* insert parameter(CarePlan-episode, CarePlan, episode, reference, [["CarePlan.extension.where(url = 'http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value"]])
* name = "CarePlanEpisode"
* description = "The pathway (EpisodeOfCare) that a CarePlan is for."
* target = #EpisodeOfCare

Instance: EpisodeOfCare-phase
InstanceOf: SearchParameter
Usage: #definition
* insert parameter(EpisodeOfCare-phase, EpisodeOfCare, phase, token, [["EpisodeOfCare.extension.where(url = 'https://stafett.invalid/fhir/StructureDefinition/pathway-phase').value"]])
* name = "EpisodeOfCarePhase"
* description = "The phase of a pathway, a code of pathway-phase."

Instance: EpisodeOfCare-team
InstanceOf: SearchParameter
Usage: #definition
* insert parameter(EpisodeOfCare-team, EpisodeOfCare, team, reference, "EpisodeOfCare.team")
* name = "EpisodeOfCareTeam"
* description = "The team that coordinates a pathway."
* target = #CareTeam

Instance: Flag-status
InstanceOf: SearchParameter
Usage: #definition
* insert parameter(Flag-status, Flag, status, token, "Flag.status")
* name = "FlagStatus"
* description = "Whether a Flag is active, inactive or a mistake."
