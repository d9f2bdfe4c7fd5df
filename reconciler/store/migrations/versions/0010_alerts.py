"""Alerts and who was told of them, receivers that fail; deliveries that can be listed and asked for again.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def string(name: str, *, null: bool = False) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=null)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def blob(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def index(name: str, table: str, *columns: str, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "alerts",
        string("id"),
        string("type"),
        string("subject"),
        string("part"),
        string("reason"),
        string("event_id"),
        whole("opened_at"),
        whole("changed_at"),
        whole("lasting"),
        whole("count"),
        whole("closed_at", null=True),
        string("closed_by", null=True),
        blob("facts"),
        blob("labels"),
        whole("acked_at", null=True),
        string("acked_by", null=True),
        string("note", null=True),
        whole("settled"),
        sa.PrimaryKeyConstraint("id", name="alerts_pk"),
    )
    index("alerts_unsettled", "alerts", "subject", where="settled = 0")
    index("alerts_newest", "alerts", "opened_at", "id")
    index("alerts_settled", "alerts", "changed_at", "id", where="settled = 1")
    op.create_table(
        "tellings",
        string("route"),
        string("alert"),
        string("told_group"),
        whole("told_at"),
        string("said"),
        whole("resolved_at", null=True),
        whole("escalated_at", null=True),
        string("escalated_to", null=True),
        sa.PrimaryKeyConstraint("route", "alert", name="tellings_pk"),
    )
    index("tellings_alert", "tellings", "alert")
    op.create_table(
        "alert_groups",
        string("route"),
        string("key"),
        blob("labels"),
        whole("number"),
        whole("flushed_at", null=True),
        string("delivery"),
        sa.PrimaryKeyConstraint("route", "key", name="alert_groups_pk"),
    )
    op.create_table(
        "alert_mark",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        whole("mark"),
        sa.PrimaryKeyConstraint("one", name="alert_mark_pk"),
    )
    op.create_table(
        "endpoints",
        string("route"),
        whole("failures"),
        whole("failing_since_at", null=True),
        whole("failed_at", null=True),
        whole("disabled_at", null=True),
        string("reason"),
        string("basis"),
        sa.PrimaryKeyConstraint("route", name="endpoints_pk"),
    )
    for column in (
        string("topic", null=True),
        whole("earlier", null=True),
        whole("made_at", null=True),
        whole("ended_at", null=True),
        blob("notification", null=True),
    ):
        op.add_column("deliveries", column)
    # When they were made was not kept: the nearest that is known.
    op.execute("UPDATE deliveries SET made_at = due_at")
    op.execute("UPDATE deliveries SET ended_at = due_at WHERE status <> 'pending'")
    index("deliveries_made", "deliveries", "made_at", "id")
    index("deliveries_of_route", "deliveries", "route", "made_at", "id")
    index("deliveries_ended", "deliveries", "ended_at", where="ended_at IS NOT NULL")


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
