"""The FHIR REST interface, R4 4.0.1 (https://hl7.org/fhir/R4/http.html): what the pathways need, and no more."""
