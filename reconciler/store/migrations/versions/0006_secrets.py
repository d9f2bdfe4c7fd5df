"""Connect links: where the customer goes at the end, refused tries, and revoked ones.

The table is made anew: before this revision nothing was written to it.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def string(name: str, *, null: bool = False) -> sa.Column:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, bytewise, nullable=null)


def whole(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.drop_table("connect_links")
    op.create_table(
        "connect_links",
        string("id"),
        string("connection"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        string("created_by"),
        whole("created_at"),
        whole("expires_at"),
        string("redirect", null=True),
        string("state", null=True),
        whole("tries"),
        whole("used_at", null=True),
        whole("revoked_at", null=True),
        sa.PrimaryKeyConstraint("id", name="connect_links_pk"),
    )
    op.create_index("connect_links_digest", "connect_links", ["digest"], unique=True)
    op.create_index("connect_links_connection", "connect_links", ["connection"])


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
