"""An index over the records whose mapping failed: they are few, and are asked for by themselves.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    failed = sa.text("error IS NOT NULL")
    op.create_index(
        "records_failed",
        "records",
        ["entity", "updated_at", "id", "connection"],
        sqlite_where=failed,
        postgresql_where=failed,
    )


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
