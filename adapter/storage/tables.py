"""The tables, in SQLAlchemy Core. `migrations` makes them; a test says that the two agree.

What holds an organisation's data has it as `tenant`, first in its keys. Bodies are bytes, never JSON columns: decimals,
order and white space survive, and what is stored is what is served.

A moment is a whole number of microseconds since 1970 in UTC: it sorts, compares and indexes alike on both engines, where
SQLite has no type for it and its text forms sort only as long as everyone writes the same one.

It is long because all tables stand here, each with what it is for and the indexes that its questions need.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST = 160


def micros(value: datetime) -> int:
    """A moment as it is kept. A naive one is refused (TypeError)."""
    return (value - EPOCH) // MICROSECOND


def moment(value: int) -> datetime:
    """A kept moment."""
    return EPOCH + timedelta(microseconds=value)


def key(value: str) -> str:
    """Text as it is kept where it is compared and indexed.

    Over 160 characters it is kept as its beginning and its SHA-256: a key of PostgreSQL's indexes has a bound (2,704
    bytes), a MsgId or an identifier in somebody's message has none, and two long ones must stay two. NUL, which
    PostgreSQL cannot hold, becomes U+FFFD: no match, rather than an error, for whoever searches for it.
    """
    if len(value) <= LONGEST and "\0" not in value:
        return value
    value = value.replace("\0", "\ufffd")
    return value if len(value) <= LONGEST else f"{value[:90]} {sha256(value.encode()).hexdigest()}"


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 the base class's signature
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 as above
        return None if value is None else moment(value)


class Key(TypeDecorator[str]):
    """Text that is compared byte for byte on both engines (PostgreSQL sorts by a language unless told not to)."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 the base class's signature
        return None if value is None else key(value)


# SQLite numbers rows by itself only in a column that is exactly INTEGER PRIMARY KEY.
SERIAL = BigInteger().with_variant(Integer, "sqlite")

LOWEST, HIGHEST = -(2**63), 2**63 - 1  # the ends of an open interval: they compare as "before all" and "after all"


# Conditions of partial indexes. A question must say them in these very words for SQLite to see that the index answers it.
WAITING = "state = 'waiting'"
TO_PARTNERS = "kind IN ('share', 'change', 'notice')"
OPEN = "settled IS NULL"
OPEN_MESSAGE = "state IN ('received', 'parked', 'quarantined')"
UNDERWAY = "underway <> 0"
LEFT_OPEN = "state IN ('unanswered', 'dead')"


def _partial(name: str, where: str, *columns: str, unique: bool = False) -> Index:
    """An index of some of the rows: each value is in those indexes alone that can find it."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


metadata = MetaData()

# The inbox. `sighting` is 0 for the first message of its key, `hub_sighting` for the first of its hub id: that the first is
# one only is what the two constraints say, and what makes "received once" hold between processes. NULL: no such key. `patient`
# is whom it speaks of (as `resource.patient`): whose record its resources are, or whom it names; empty where nobody can tell.
message = Table(
    "message",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("hub", Key, nullable=False),
    Column("hub_id", Key),
    Column("receiver", Key, nullable=False),
    Column("sender", Key, nullable=False),
    Column("msg_id", Key, nullable=False),
    Column("document_id", Key),
    Column("type", Key, nullable=False),
    Column("received", Moment, nullable=False),
    Column("state", Key, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("digest", Key, nullable=False),
    Column("issues", LargeBinary, nullable=False),
    Column("context", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Moment),
    Column("dismissed", Boolean, nullable=False),
    Column("sighting", Integer),
    Column("hub_sighting", Integer),
    Column("patient", Key, nullable=False, server_default=text("''")),
    UniqueConstraint("receiver", "sender", "msg_id", "sighting", name="message_once"),
    UniqueConstraint("hub", "hub_id", "receiver", "hub_sighting", name="message_once_from_hub"),
    Index("message_newest", "tenant", "received", "id"),
    Index("message_by_state", "tenant", "state", "received", "id"),
    Index("message_by_msg_id", "tenant", "msg_id"),
    Index("message_of_referral", "tenant", "sender", "document_id"),
    Index("message_due", "state", "due"),
    _partial("message_open", OPEN_MESSAGE, "hub", "state", "dismissed", "received"),
)

# Apart, so that a list of messages never drags their attachments through the page cache.
message_xml = Table(
    "message_xml",
    metadata,
    Column("message_id", Key, ForeignKey("message.id", name="message_xml_of"), primary_key=True),
    Column("xml", LargeBinary, nullable=False),
)

# The newest version of each resource; its body is in resource_version. `status` is empty where it has none, `patient` where
# it is nobody's record: else the Patient's id, or `system|value` of one that is known by identifier alone.
resource = Table(
    "resource",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("status", Key, nullable=False),
    Column("patient", Key, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("tenant", "id", "type", name="resource_key"),
    Index("resource_newest", "tenant", "type", "updated", "id"),
    Index("resource_by_status", "tenant", "type", "status", "updated", "id"),
    Index("resource_of_patient", "tenant", "patient", "type", "id"),
    sqlite_with_rowid=False,
)

# What the newest versions can be found by, one row per value of a search parameter. Each row repeats its resource's status
# and time, so that one parameter and a status, newest first, are one range of one index. A date has `low` and `high` (open
# ends are LOWEST and HIGHEST) and an empty value; every other entry has neither bound. `position` counts a resource's rows.
resource_index = Table(
    "resource_index",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("parameter", Key, nullable=False),
    Column("position", Integer, nullable=False),
    Column("system", Key, nullable=False),
    Column("value", Key, nullable=False),
    Column("low", BigInteger),
    Column("high", BigInteger),
    Column("status", Key, nullable=False),
    Column("updated", Moment, nullable=False),
    PrimaryKeyConstraint("tenant", "id", "type", "parameter", "position", name="resource_index_key"),
    # `low`, which is NULL there, is asked for in every search; with it the index answers alone.
    _partial(
        "resource_index_value",
        "low IS NULL",
        *("tenant", "type", "parameter", "value", "status", "updated", "id", "system", "low"),
    ),
    _partial("resource_index_low", "low IS NOT NULL", "tenant", "type", "parameter", "low", "id", "status", "updated", "high"),
    _partial("resource_index_high", "low IS NOT NULL", "tenant", "type", "parameter", "high", "id", "status", "updated", "low"),
    sqlite_with_rowid=False,
)

# Every version, each body once. The newest is the last of its key: a read is one look-up and needs no other table.
resource_version = Table(
    "resource_version",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("patient", Key, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("tenant", "id", "type", "version", name="resource_version_key"),
    Index("resource_version_newest", "tenant", "type", "updated", "id", "version"),
)

# Which versions a message made, or found as it would have made them.
message_resource = Table(
    "message_resource",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("message_id", Key, nullable=False),
    Column("position", Integer, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "message_id", "position", name="message_resource_key"),
    sqlite_with_rowid=False,
)

# `position` is the order of making, which rows of one `key` keep.
outbox = Table(
    "outbox",
    metadata,
    Column("position", SERIAL, primary_key=True),
    Column("id", Key, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("key", Key, nullable=False),
    Column("hub", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("message_id", Key, nullable=False),
    Column("hub_id", Key),
    Column("sender", Key, nullable=False),
    Column("receiver", Key, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("content_type", Key, nullable=False),
    Column("created", Moment, nullable=False),
    Column("msg_id", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Moment),
    Column("error", Text, nullable=False),
    Column("answer", Key),
    Column("about", Key, nullable=False),
    Column("earlier", Key, nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    Column("cause", Key, nullable=False, server_default=text("''")),
    UniqueConstraint("id", name="outbox_once"),
    Index("outbox_order", "state", "position"),
    _partial("outbox_waiting", WAITING, "hub", "position", "next_attempt", "key", "state"),  # with `state` it counts alone
    _partial("outbox_waiting_of_key", WAITING, "key", "position"),
    _partial("outbox_left_open", LEFT_OPEN, "hub", "state", "position"),
    Index("outbox_of_message", "message_id"),
    Index("outbox_by_msg_id", "msg_id"),
    _partial("outbox_about", TO_PARTNERS, "about", "position"),
    _partial("outbox_of_cause", TO_PARTNERS, "cause", "position"),
    _partial("outbox_of_tenant", TO_PARTNERS, "tenant", "position"),
    _partial("outbox_by_partner", TO_PARTNERS, "tenant", "hub", "position"),
    _partial("outbox_by_state", TO_PARTNERS, "tenant", "state", "position", "hub"),  # with `hub` it counts alone
)

# What partners have of ours, or are to have, and what it was when both sides last agreed.
shared = Table(
    "shared",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("partner", Key, nullable=False),
    Column("home", Boolean, nullable=False),
    Column("remote", Key, nullable=False),
    Column("etag", Text, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "type", "id", "partner", name="shared_key"),
    Index("shared_there", "partner", "type", "remote"),
    Index("shared_with", "partner", "tenant", "type", "id"),
)

# What is remembered of each partner: the installation's own, nothing of any organisation's patients.
partner = Table(
    "partner",
    metadata,
    Column("name", Key, primary_key=True),
    Column("mode", Key, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("open_until", Moment),
    Column("failing_since", Moment),
    Column("reached", Moment),
    Column("heard", Moment),
    Column("compared", Moment),
)

# What waits for a person, and what did: of each kind about the same there is one open, which `trouble_open` sees to.
trouble = Table(
    "trouble",
    metadata,
    Column("position", SERIAL, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("partner", Key, nullable=False),
    Column("about", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("en", Text, nullable=False),
    Column("nb", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Column("settled", Moment),
    _partial("trouble_open", OPEN, "tenant", "about", "partner", "kind", unique=True),
    _partial("trouble_oldest", OPEN, "tenant", "since", "position"),
)

# Who saw and did what, each sealed with all before it (`adapter.domain.chain`); positions have no gap. An id may come again: what
# was told twice was told twice, and no caller's record can be kept out by another's.
audit = Table(
    "audit",
    metadata,
    Column("position", SERIAL, primary_key=True, autoincrement=False),
    Column("id", Key, nullable=False),
    Column("moment", Moment, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# Whom a record is about: part of what is sealed.
audit_about = Table(
    "audit_about",
    metadata,
    Column("position", BigInteger, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("patient", Key, nullable=False),
    PrimaryKeyConstraint("position", "patient", name="audit_about_key"),
    Index("audit_of_patient", "tenant", "patient", "position"),
    sqlite_with_rowid=False,
)

# Records that came with a write, until that write's answer has put them in the chain. `about` is a list as JSON.
audit_awaiting = Table(
    "audit_awaiting",
    metadata,
    Column("id", Key, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("moment", Moment, nullable=False),
    Column("about", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", "tenant", name="audit_awaiting_key"),
    Index("audit_awaiting_oldest", "moment"),
    sqlite_with_rowid=False,
)

# Spent proofs of possession (RFC 9449 section 11.1): that there is one of each is what refuses the second, in any process.
proof = Table(
    "proof",
    metadata,
    Column("hash", Key, primary_key=True),
    Column("until", Moment, nullable=False),
    Index("proof_until", "until"),
    sqlite_with_rowid=False,
)

# Who is logged in at a browser. They may see several organisations: which, the configuration says of their claims.
session = Table(
    "session",
    metadata,
    Column("digest", Key, primary_key=True),
    Column("subject", Key, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("used", Moment, nullable=False),
    Column("claims", LargeBinary, nullable=False),
    Index("session_of_subject", "subject"),
)

# The processes that share the database, each as long as it tells that it lives.
process = Table(
    "process",
    metadata,
    Column("id", Key, primary_key=True),
    Column("roles", Key, nullable=False),
    Column("started", Moment, nullable=False),
    Column("seen", Moment, nullable=False),
)

# What a process has taken up of a hub's, which no other does while that one lives. `tries`: how often it was taken up and not put
# down; more than a few are a message that ends whoever reads it.
in_hand = Table(
    "in_hand",
    metadata,
    Column("hub", Key, nullable=False),
    Column("name", Key, nullable=False),
    Column("process", Key, nullable=False),
    Column("since", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    PrimaryKeyConstraint("hub", "name", name="in_hand_key"),
    Index("in_hand_of_process", "process"),
    sqlite_with_rowid=False,
)

# Who is to be told of what (a Subscription that has been begun): what writes look at, and nothing that changes with each event.
# `type` is of the resources that its topic is about, `asked` JSON of how it is to be told.
subscription = Table(
    "subscription",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "id", name="subscription_key"),
    Index("subscription_of_type", "tenant", "type", "status"),
    sqlite_with_rowid=False,
)

# How far each is: events counted, told of, and told of once what is underway has come there (0: nothing is); how often in vain
# since it was `reached`; when something is `due` without an event.
subscription_standing = Table(
    "subscription_standing",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("begun", Moment, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("underway", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("reached", Moment),
    Column("due", Moment),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "id", name="subscription_standing_key"),
    Index("subscription_standing_due", "due"),
    _partial("subscription_standing_underway", UNDERWAY, "tenant", "id"),
    sqlite_with_rowid=False,
)

# What each is told of, by its number (from 1): a version of a resource.
subscription_event = Table(
    "subscription_event",
    metadata,
    Column("tenant", Key, nullable=False),
    Column("subscription", Key, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("moment", Moment, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "subscription", "number", name="subscription_event_key"),
    Index("subscription_event_about", "tenant", "id", "type"),
    Index("subscription_event_oldest", "moment"),
    sqlite_with_rowid=False,
)

# Every try to tell, and whatever was not tried, with why. `first` and `last` are the numbers of its events, 0 where it has none.
subscription_attempt = Table(
    "subscription_attempt",
    metadata,
    Column("position", SERIAL, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("subscription", Key, nullable=False),
    Column("moment", Moment, nullable=False),
    Column("kind", Key, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("outcome", Key, nullable=False),
    Column("why", Text, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Index("subscription_attempt_of", "tenant", "subscription", "position"),
    Index("subscription_attempt_oldest", "moment"),
)

# Versions that somebody may want to be told of, until it is found out who.
change = Table(
    "change",
    metadata,
    Column("position", SERIAL, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    Column("moment", Moment, nullable=False),
    Column("cause", Key, nullable=False),
    Index("change_of", "tenant", "id", "type"),
)

# What was asked for in bulk, by whom (`mark` of the caller), and how far it is.
export = Table(
    "export",
    metadata,
    Column("id", Key, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("mark", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("requested", Moment, nullable=False),
    Column("ended", Moment),
    Column("progress", Text, nullable=False),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("id", name="export_key"),
    Index("export_by_state", "state", "requested"),
    Index("export_of_tenant", "tenant", "requested"),
    sqlite_with_rowid=False,
)

# What came of it: newline-delimited JSON, each file of one type.
export_file = Table(
    "export_file",
    metadata,
    Column("export", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("tenant", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("resources", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("export", "number", name="export_file_key"),
)

# What the installation keeps about itself; nothing of any organisation.
setting = Table(
    "setting",
    metadata,
    Column("name", Key, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
