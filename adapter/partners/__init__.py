"""Other FHIR servers: what we ask of them, what they do differently, and how we hear from them."""
