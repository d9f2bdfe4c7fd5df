"""The first tables.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def string(name: str, *, null: bool = False) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=null)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def blob(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def counted(name: str) -> sa.Column:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=True, nullable=False)


def index(name: str, table: str, *columns: str, unique: bool = False, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def upgrade() -> None:
    op.create_table(
        "audit",
        counted("seq"),
        whole("done_at"),
        string("actor"),
        string("deed"),
        string("subject"),
        string("request_id", null=True),
        blob("data"),
        blob("chain", null=True),
        sa.PrimaryKeyConstraint("seq", name="audit_pk"),
    )
    index("audit_subject", "audit", "subject", "seq")
    op.create_table(
        "clocks",
        string("entity"),
        whole("ticked_at"),
        sa.PrimaryKeyConstraint("entity", name="clocks_pk"),
    )
    op.create_table(
        "connect_links",
        string("id"),
        string("connection"),
        blob("digest"),
        string("created_by"),
        whole("created_at"),
        whole("expires_at"),
        whole("used_at", null=True),
        sa.PrimaryKeyConstraint("id", name="connect_links_pk"),
    )
    index("connect_links_connection", "connect_links", "connection")
    index("connect_links_digest", "connect_links", "digest", unique=True)
    op.create_table(
        "connection_states",
        string("connection"),
        string("basis"),
        string("status"),
        whole("since_at"),
        whole("failures"),
        string("reason"),
        sa.PrimaryKeyConstraint("connection", name="connection_states_pk"),
    )
    op.create_table(
        "credentials",
        string("connection"),
        string("field"),
        string("key_id"),
        blob("sealed"),
        string("fingerprint"),
        whole("expires_at", null=True),
        whole("updated_at"),
        string("updated_by"),
        sa.PrimaryKeyConstraint("connection", "field", name="credentials_pk"),
    )
    op.create_table(
        "cursors",
        string("connection"),
        string("entity"),
        string("basis"),
        string("position", null=True),
        string("page", null=True),
        string("mode", null=True),
        string("since", null=True),
        string("reached", null=True),
        string("run", null=True),
        whole("advanced_at", null=True),
        sa.PrimaryKeyConstraint("connection", "entity", name="cursors_pk"),
    )
    op.create_table(
        "deliveries",
        string("id"),
        string("event_id"),
        string("route"),
        string("status"),
        whole("due_at"),
        string("lease_holder", null=True),
        whole("lease_until", null=True),
        sa.PrimaryKeyConstraint("id", name="deliveries_pk"),
    )
    index("deliveries_due", "deliveries", "due_at", "id", where="status = 'pending'")
    index("deliveries_event", "deliveries", "event_id")
    index("deliveries_route", "deliveries", "route", "due_at")
    op.create_table(
        "drifts",
        string("id"),
        string("uid"),
        string("kind"),
        string("policy"),
        blob("fields"),
        string("actor"),
        whole("first_seen_at"),
        whole("last_seen_at"),
        whole("sightings"),
        whole("resolved_at", null=True),
        string("resolution", null=True),
        sa.PrimaryKeyConstraint("id", name="drifts_pk"),
    )
    index("drifts_open", "drifts", "uid", "kind", where="resolved_at IS NULL")
    op.create_table(
        "events",
        counted("seq"),
        string("id"),
        string("type"),
        string("subject"),
        whole("occurred_at"),
        string("trace"),
        blob("data"),
        sa.PrimaryKeyConstraint("seq", name="events_pk"),
    )
    index("events_id", "events", "id", unique=True)
    index("events_subject", "events", "subject", "seq")
    op.create_table(
        "leases",
        string("name"),
        string("holder", null=True),
        whole("epoch"),
        whole("expires_at"),
        sa.PrimaryKeyConstraint("name", name="leases_pk"),
    )
    op.create_table(
        "meta",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        whole("generation"),
        string("revision"),
        whole("moved_at", null=True),
        sa.PrimaryKeyConstraint("one", name="meta_pk"),
    )
    op.create_table(
        "object_history",
        counted("seq"),
        string("uid"),
        string("kind"),
        string("name"),
        string("change"),
        string("actor"),
        whole("changed_at"),
        whole("generation"),
        string("revision"),
        blob("before", null=True),
        blob("after", null=True),
        sa.PrimaryKeyConstraint("seq", name="object_history_pk"),
    )
    index("object_history_uid", "object_history", "uid", "seq")
    op.create_table(
        "objects",
        string("uid"),
        string("kind"),
        string("name"),
        string("owner"),
        whole("generation"),
        blob("applied"),
        string("applied_digest"),
        blob("desired", null=True),
        string("desired_digest", null=True),
        blob("observed", null=True),
        string("observed_digest", null=True),
        blob("needs"),
        blob("labels"),
        string("previous_name", null=True),
        string("origin_file", null=True),
        whole("origin_line", null=True),
        whole("origin_column", null=True),
        string("revision"),
        whole("applied_at"),
        string("applied_by"),
        whole("released_at", null=True),
        sa.PrimaryKeyConstraint("uid", name="objects_pk"),
    )
    index("objects_name", "objects", "kind", "name", unique=True, where="released_at IS NULL")
    index("objects_released", "objects", "kind", "name", where="released_at IS NOT NULL")
    op.create_table(
        "records",
        string("id"),
        string("connection"),
        string("entity"),
        string("source_id"),
        blob("digest"),
        string("basis"),
        string("run"),
        whole("seen", null=True),
        whole("created_at"),
        whole("updated_at"),
        whole("deleted_at", null=True),
        string("error", null=True),
        blob("raw"),
        blob("mapped", null=True),
        sa.PrimaryKeyConstraint("id", name="records_pk"),
    )
    index("records_dead", "records", "connection", "entity", "source_id", "deleted_at", where="deleted_at IS NOT NULL")
    index("records_entity_page", "records", "entity", "updated_at", "id")
    index("records_page", "records", "connection", "entity", "updated_at", "id")
    index("records_source", "records", "connection", "entity", "source_id", unique=True)
    op.create_table(
        "schedules",
        string("schedule"),
        string("connection"),
        string("entity"),
        string("basis"),
        whole("planned_at"),
        sa.PrimaryKeyConstraint("schedule", "connection", "entity", name="schedules_pk"),
    )
    op.create_table(
        "secrets",
        string("name"),
        string("key_id"),
        blob("sealed"),
        whole("updated_at"),
        sa.PrimaryKeyConstraint("name", name="secrets_pk"),
    )
    op.create_table(
        "silences",
        string("id"),
        blob("matchers"),
        string("comment"),
        string("created_by"),
        whole("created_at"),
        whole("starts_at"),
        whole("ends_at"),
        sa.PrimaryKeyConstraint("id", name="silences_pk"),
    )
    index("silences_ends", "silences", "ends_at")
    op.create_table(
        "sync_runs",
        string("id"),
        string("connection"),
        string("entity"),
        string("mode"),
        string("trigger"),
        string("status"),
        whole("started_at"),
        whole("finished_at", null=True),
        whole("heartbeat_at", null=True),
        whole("pages"),
        whole("read"),
        whole("created"),
        whole("updated"),
        whole("unchanged"),
        whole("deleted"),
        whole("invalid"),
        string("error"),
        sa.PrimaryKeyConstraint("id", name="sync_runs_pk"),
    )
    index("sync_runs_connection", "sync_runs", "connection", "started_at", "id")
    index("sync_runs_entity", "sync_runs", "connection", "entity", "started_at", "id")
    index("sync_runs_started", "sync_runs", "started_at", "id")
    op.create_table(
        "tallies",
        string("connection"),
        string("entity"),
        string("basis"),
        whole("alive"),
        whole("dead"),
        sa.PrimaryKeyConstraint("connection", "entity", "basis", name="tallies_pk"),
    )
    op.create_table(
        "tokens",
        string("id"),
        string("name"),
        blob("digest"),
        string("scopes"),
        string("connection", null=True),
        string("api_version"),
        whole("created_at"),
        whole("expires_at", null=True),
        whole("revoked_at", null=True),
        whole("last_used_at", null=True),
        sa.PrimaryKeyConstraint("id", name="tokens_pk"),
    )
    index("tokens_connection", "tokens", "connection")
    index("tokens_digest", "tokens", "digest", unique=True)
    op.create_table(
        "attempts",
        string("delivery_id"),
        whole("number"),
        whole("tried_at"),
        whole("status"),
        whole("took"),
        string("answer"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="attempts_delivery_id_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="attempts_pk"),
    )
    op.execute("INSERT INTO meta (one, generation, revision) VALUES (1, 0, '')")


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
