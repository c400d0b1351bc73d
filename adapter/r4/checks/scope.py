"""Where a value stands: the resource around it, what that contains, and the Bundle around the resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
NOTHING: Json = {}


class Scope:
    """The surroundings of one resource. `root` is the resource that contains this one, or itself.

    `local` gathers the addresses within the resource (`#id`) that its elements name, `ids` the ids that its elements have.
    """

    __slots__ = ("bundle", "contained", "ids", "local", "resource", "root", "within")

    def __init__(self, resource: Json, bundle: BundleScope | None = None, container: Scope | None = None) -> None:
        self.resource = resource
        self.bundle = bundle
        self.local: set[str] = set()
        self.ids: set[str] = set()
        self.within = BundleScope(resource) if resource.get("resourceType") == "Bundle" else None
        self.root: Json = resource
        self.contained = NOTHING
        if container is not None:
            self.root, self.contained = container.root, container.contained
        elif "contained" in resource:
            self.contained = _contained(resource["contained"])


class BundleScope:
    """What a Bundle's entries can know of each other: the type of each fullUrl's resource."""

    __slots__ = ("targets", "type")

    def __init__(self, bundle: Json) -> None:
        self.type = bundle.get("type")
        self.targets: dict[str, str] = {}
        entries = bundle.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("fullUrl"), str) and isinstance(entry.get("resource"), dict):
                self.targets[entry["fullUrl"]] = str(entry["resource"].get("resourceType"))


def _contained(resources: Any) -> Json:
    """The id of each contained resource -> its type."""
    if not isinstance(resources, list):
        return NOTHING
    return {r["id"]: r.get("resourceType") for r in resources if isinstance(r, dict) and isinstance(r.get("id"), str)}
