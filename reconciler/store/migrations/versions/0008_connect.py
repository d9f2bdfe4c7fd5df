"""How tokens that come of connect links are handed over.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def string(name: str) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=False)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "connect_handovers",
        string("link"),
        string("connection"),
        whole("shown"),
        whole("grace"),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        whole("ready_at", null=True),
        whole("taken_at", null=True),
        sa.PrimaryKeyConstraint("link", name="connect_handovers_pk"),
    )
    op.create_index("connect_handovers_code", "connect_handovers", ["code"], unique=True)
    op.create_index("connect_handovers_connection", "connect_handovers", ["connection"])


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
