"""The inbox, the resources with their versions, the outbox, the installation's own settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", key, nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("hub", key, nullable=False),
        sa.Column("hub_id", key, nullable=True),
        sa.Column("receiver", key, nullable=False),
        sa.Column("sender", key, nullable=False),
        sa.Column("msg_id", key, nullable=False),
        sa.Column("document_id", key, nullable=True),
        sa.Column("type", key, nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("state", key, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("digest", key, nullable=False),
        sa.Column("issues", sa.LargeBinary(), nullable=False),
        sa.Column("context", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("dismissed", sa.Boolean(), nullable=False),
        sa.Column("sighting", sa.Integer(), nullable=True),
        sa.Column("hub_sighting", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hub", "hub_id", "receiver", "hub_sighting", name="message_once_from_hub"),
        sa.UniqueConstraint("receiver", "sender", "msg_id", "sighting", name="message_once"),
    )
    op.create_index("message_by_msg_id", "message", ["tenant", "msg_id"])
    op.create_index("message_by_state", "message", ["tenant", "state", "received", "id"])
    op.create_index("message_due", "message", ["state", "due"])
    op.create_index("message_newest", "message", ["tenant", "received", "id"])
    op.create_index("message_of_referral", "message", ["tenant", "sender", "document_id"])
    op.create_table(
        "message_resource",
        sa.Column("tenant", key, nullable=False),
        sa.Column("message_id", key, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "message_id", "position", name="message_resource_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("position", serial, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("key", key, nullable=False),
        sa.Column("hub", key, nullable=False),
        sa.Column("kind", key, nullable=False),
        sa.Column("message_id", key, nullable=False),
        sa.Column("hub_id", key, nullable=True),
        sa.Column("sender", key, nullable=False),
        sa.Column("receiver", key, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", key, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("msg_id", key, nullable=False),
        sa.Column("state", key, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("answer", key, nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id", name="outbox_once"),
    )
    op.create_index("outbox_by_msg_id", "outbox", ["msg_id"])
    op.create_index("outbox_of_message", "outbox", ["message_id"])
    op.create_index("outbox_order", "outbox", ["state", "position"])
    op.create_index("outbox_order_of_key", "outbox", ["key", "state", "position"])
    op.create_table(
        "resource",
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("status", key, nullable=False),
        sa.Column("patient", key, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "type", name="resource_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("resource_by_patient", "resource", ["tenant", "type", "patient", "status", "updated", "id"])
    op.create_index("resource_by_status", "resource", ["tenant", "type", "status", "updated", "id"])
    op.create_index("resource_newest", "resource", ["tenant", "type", "updated", "id"])
    op.create_table(
        "resource_identifier",
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("system", key, nullable=False),
        sa.Column("value", key, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "type", "system", "value", name="resource_identifier_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("resource_identifier_found", "resource_identifier", ["tenant", "type", "value", "system"])
    op.create_table(
        "resource_version",
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "type", "version", name="resource_version_key"),
    )
    op.create_table(
        "setting",
        sa.Column("name", key, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "message_xml",
        sa.Column("message_id", key, nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="message_xml_of"),
        sa.PrimaryKeyConstraint("message_id"),
    )
