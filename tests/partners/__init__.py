"""FHIR servers that nobody here wrote, and the service with them."""
