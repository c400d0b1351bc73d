"""Assignments between a hospital's FHIR server and a municipality's, with the service as a process of its own between the two."""
