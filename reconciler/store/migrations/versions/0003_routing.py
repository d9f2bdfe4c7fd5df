"""Which events have not been routed yet; deliveries in the order of one subject, and why one is dead.

The tables of deliveries and attempts are made anew: before this revision nothing was written to them.
Events that are there already count as routed: nobody is told of what is long past.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def string(name: str, *, null: bool = False) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=null)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def index(name: str, *columns: str, where: str = "") -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, "deliveries", columns, sqlite_where=condition, postgresql_where=condition
    )


def upgrade() -> None:
    op.create_table(
        "unrouted",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="unrouted_pk"),
    )
    op.drop_table("attempts")
    op.drop_table("deliveries")
    op.create_table(
        "deliveries",
        string("id"),
        string("event_id"),
        string("route"),
        string("subject"),
        whole("place"),
        whole("tries"),
        string("status"),
        whole("due_at"),
        string("lease_holder", null=True),
        whole("lease_until", null=True),
        string("reason", null=True),
        sa.PrimaryKeyConstraint("id", name="deliveries_pk"),
    )
    index("deliveries_due", "due_at", "id", where="status = 'pending'")
    index("deliveries_route", "route", "due_at", "id", where="status = 'pending'")
    index("deliveries_line", "route", "subject", "place", where="status = 'pending'")
    index("deliveries_leased", "route", "lease_until", where="lease_until IS NOT NULL")
    index("deliveries_event", "event_id")
    op.create_table(
        "attempts",
        string("delivery_id"),
        whole("number"),
        whole("tried_at"),
        whole("status"),
        whole("took"),
        string("answer"),
        whole("wait", null=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="attempts_delivery_id_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="attempts_pk"),
    )


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
