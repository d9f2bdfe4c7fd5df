"""What is known of work done once more, beside each object: the last text, and since when it is asked for.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("objects", sa.Column("redo", bytewise, nullable=True))
    op.add_column("objects", sa.Column("redo_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
