"""Conditions, pins, who holds a lease since when, and drift by the time it ended.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def string(name: str) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=False)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "conditions",
        string("subject"),
        string("condition"),
        string("truth"),
        string("reason"),
        string("message"),
        whole("since_at"),
        whole("generation"),
        sa.PrimaryKeyConstraint("subject", "condition", name="conditions_pk"),
    )
    op.create_table(
        "pins",
        string("environment"),
        string("revision"),
        string("reason"),
        string("pinned_by"),
        whole("pinned_at"),
        whole("until_at", null=True),
        sa.PrimaryKeyConstraint("environment", name="pins_pk"),
    )
    op.add_column("leases", whole("acquired_at", null=True))
    op.create_index("drifts_resolved", "drifts", ["resolved_at", "id"])


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
