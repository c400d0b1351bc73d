// Identifier series of our own: systems that stand in resources, and that nobody else explains.

Instance: forlops-id
InstanceOf: NamingSystem
Usage: #definition
* name = "ForlopsId"
* status = #active
* kind = #identifier
* date = "2026-11-22"
* description = "The pathway's number as a message's sender has it, where it is no UUID: one that is a UUID is a urn:uuid instead."
* uniqueId.type = #uri
* uniqueId.value = "https://stafett.invalid/fhir/NamingSystem/forlops-id"
* uniqueId.preferred = true
