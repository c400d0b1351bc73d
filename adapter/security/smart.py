"""What a client must know to get a token for this service: /fhir/.well-known/smart-configuration.

Who says so: SMART App Launch 2 (https://hl7.org/fhir/smart-app-launch/conformance.html). Nobody logs in here and nothing is
launched; clients ask the issuer for themselves with a key of their own (*client-confidential-asymmetric*), for scopes of version 2.
"""

from __future__ import annotations

from typing import Any

from adapter.settings import HelseID


def smart_configuration(settings: HelseID, token_endpoint: str) -> dict[str, Any]:
    """The document. `token_endpoint` is from the issuer's metadata; empty leaves it out, and a client asks the issuer itself."""
    document: dict[str, Any] = {
        "issuer": settings.issuer,
        "audience": settings.audience,  # beyond SMART's own: what `aud` must be, so that nobody has to guess
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "scopes_supported": [*settings.scopes, "system/*.cruds"],
        "code_challenge_methods_supported": ["S256"],  # demanded of every document, also where no code is given
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
    }
    if token_endpoint:
        document["token_endpoint"] = token_endpoint
    if settings.scheme == "dpop":
        document["dpop_signing_alg_values_supported"] = list(settings.algorithms)  # as an issuer's (RFC 9449 5.1)
    return document
