"""HTTP clients for hubs: the one place that makes them.

Every client has time-outs for connecting, for each read and write, and for a free connection; none follows
redirects, since a request with a patient's data goes where it was sent or nowhere.
"""

from __future__ import annotations

import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def client(
    base_url: str,
    *,
    timeout: float = 30.0,
    auth: httpx.Auth | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A long-lived client for one hub. `auth` lays tokens on; `transport` replaces the network in tests."""
    url = httpx.URL(base_url.rstrip("/") + "/")
    return httpx.Client(
        base_url=url,
        timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
        limits=httpx.Limits(max_connections=8, keepalive_expiry=30.0),
        auth=auth,
        transport=transport,
        follow_redirects=False,
        trust_env=url.host not in LOOPBACK,  # a proxy of the environment cannot reach a hub on this machine
    )
