"""A client of the service that shares nothing with it: RFC 6749, 7523 and 9449 with joserfc and httpx alone.

    python tests/security/plain_client.py ISSUER CLIENT_ID KEY.jwk PARENT:CHILD SCOPES METHOD URL

prints the status of the answer, a line, and its body; beside the status why, where it was refused. docs/access.md shows how it is
tried. The file may be copied.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, import_key

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class PlainClient:
    """One organisation's client. `jwk` is its private key, with its own `alg`; `details` the claim that says whom it is for."""

    def __init__(self, issuer: str, client_id: str, jwk: dict[str, Any], organisation: str, scope: str, details: str) -> None:
        self.issuer, self.client_id, self.jwk, self.organisation, self.scope = issuer, client_id, jwk, organisation, scope
        self.details = details
        self.key = import_key(jwk)
        self.proving = ECKey.generate_key("P-256")
        self.token = ""

    def ask(self) -> httpx.Response:
        """For a token, and once more with the nonce that the issuer wants to see."""
        metadata = httpx.get(f"{self.issuer}/.well-known/openid-configuration", trust_env=False).json()
        endpoint, nonce = metadata["token_endpoint"], dict[str, str]()
        for _ in range(2):
            form = {
                "grant_type": "client_credentials",
                "client_id": self.client_id,
                "scope": self.scope,
                "client_assertion_type": ASSERTION,
                "client_assertion": self._assertion(),
            }
            proof = self._proof("POST", endpoint, nonce)
            answer = httpx.post(endpoint, data=form, headers={"DPoP": proof}, trust_env=False)
            nonce = {"nonce": answer.headers.get("dpop-nonce", "")}
            if answer.json().get("error") != "use_dpop_nonce":
                break
        self.token = answer.json().get("access_token", "")
        return answer

    def headers(self, method: str, url: str) -> dict[str, str]:
        ath = urlsafe_b64encode(hashlib.sha256(self.token.encode()).digest()).rstrip(b"=").decode()
        return {"Authorization": f"DPoP {self.token}", "DPoP": self._proof(method, url.split("?", 1)[0], {"ath": ath})}

    def _assertion(self) -> str:
        at = int(time.time())
        identifier = {"system": "urn:oid:1.0.6523", "type": "ENH", "value": f"NO:ORGNR:{self.organisation}"}
        details = [{"type": "helseid_authorization", "practitioner_role": {"organization": {"identifier": identifier}}}]
        alg = self.jwk["alg"]
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "iat": at, "nbf": at, "exp": at + 30}
        header = {"alg": alg, "kid": self.jwk["kid"], "typ": "client-authentication+jwt"}
        return jwt.encode(header, {**claims, "jti": str(uuid.uuid4()), self.details: details}, self.key, algorithms=[alg])

    def _proof(self, method: str, url: str, more: dict[str, str]) -> str:
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.proving.as_dict(private=False)}
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time()), **more}
        return jwt.encode(header, claims, self.proving, algorithms=["ES256"])


if __name__ == "__main__":
    issuer, client_id, file, organisation, scope, method, url = sys.argv[1:]
    client = PlainClient(issuer, client_id, json.loads(Path(file).read_text()), organisation, scope, "assertion_details")
    client.ask().raise_for_status()
    answer = httpx.request(method, url, headers=client.headers(method, url), trust_env=False)
    print(f"{answer.status_code} {answer.headers.get('www-authenticate', '')}".strip(), answer.text, sep="\n")  # noqa: T201
