"""The one place that knows the concrete classes: from settings to a running installation.

services = build(settings)
services.app()      # the HTTP interface
services.close()
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from adapter.domain.identity import BASE, keyed
from adapter.domain.referral import Service
from adapter.hub.edi2 import Edi2Hub
from adapter.hub.folder import FolderHub
from adapter.ports import Clock, Hub, Store
from adapter.settings import HubSettings, Settings
from adapter.storage import open_store
from mappings.translation import Limits, Translator

KEY = "installation-key"
SOURCE_SYSTEM = "Stafett"


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """An installation's parts, ready for work."""

    settings: Settings
    clock: Clock
    store: Store
    hubs: Sequence[Hub]
    translator: Translator

    def close(self) -> None:
        for hub in self.hubs:
            hub.close()
        self.store.close()


def build(settings: Settings, clock: Clock | None = None) -> Services:
    """Open the database, bring its tables up to date, and put the parts together."""
    clock = clock or SystemClock()
    store = open_store(settings.store.url)
    store.migrate()
    translator = Translator(limits(settings), keyed(installation_key(store)), BASE)
    return Services(settings, clock, store, [make_hub(hub, settings, clock) for hub in settings.hub], translator)


def limits(settings: Settings) -> Limits:
    m = settings.messages
    return Limits(m.max_bytes, m.max_text, m.max_depth, m.max_elements, m.max_attributes)


def services_by_her_id(settings: Settings) -> dict[str, Service]:
    """The receiving services, by the HER-id that messages name."""
    return {r.her_id: Service(r.her_id, r.organisation, r.pathway, r.rule_set, r.care_level) for r in settings.receiver}


def make_hub(hub: HubSettings, settings: Settings, clock: Clock) -> Hub:
    most = settings.messages.max_bytes
    if hub.kind == "folder":
        assert hub.path  # noqa: S101 - the settings were checked
        return FolderHub(hub.path, clock=clock, name=hub.label, max_bytes=most)
    her_ids = hub.her_ids or [receiver.her_id for receiver in settings.receiver]
    return Edi2Hub(hub.base_url, her_ids, SOURCE_SYSTEM, clock=clock, name=hub.label, max_bytes=most)


def installation_key(store: Store) -> bytes:
    """The key that person resources get their ids by: made at the first start, kept in the database ever after."""
    with store.write() as unit:
        key = unit.setting(KEY)
        if key is None:
            key = secrets.token_bytes(32)
            unit.set_setting(KEY, key)
    return key
