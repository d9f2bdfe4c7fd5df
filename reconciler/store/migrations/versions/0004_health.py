"""How connections are: why, since when they answered last, what was told; their history and counts.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def string(name: str) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=False)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    # States are found anew at the next look; what was kept before this revision says less.
    op.drop_table("connection_states")
    op.create_table(
        "connection_states",
        string("connection"),
        string("basis"),
        string("status"),
        whole("since_at"),
        whole("failures"),
        string("reason"),
        string("message"),
        whole("strikes"),
        whole("good_at", null=True),
        string("alarms"),
        whole("expires_at", null=True),
        whole("warned", null=True),
        sa.PrimaryKeyConstraint("connection", name="connection_states_pk"),
    )
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "connection_changes",
        sa.Column("seq", counted, nullable=False),
        string("connection"),
        whole("changed_at"),
        string("before"),
        string("after"),
        string("reason"),
        string("message"),
        sa.PrimaryKeyConstraint("seq", name="connection_changes_pk"),
    )
    op.create_index("connection_changes_connection", "connection_changes", ["connection", "seq"])
    op.create_table(
        "connection_checks",
        string("connection"),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        whole("asked"),
        whole("failed"),
        whole("last_at"),
        sa.PrimaryKeyConstraint("connection", "hour_at", name="connection_checks_pk"),
    )
    op.create_index("connection_checks_hour", "connection_checks", ["hour_at"])


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
