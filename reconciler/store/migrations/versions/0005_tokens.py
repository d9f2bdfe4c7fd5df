"""What a token is over and where it is heard from, its role, who made it, and what came in its place.

pre-deploy
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = ("role", "selector", "networks", "description", "created_by", "replaced_by")


def upgrade() -> None:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    for name in COLUMNS:
        op.add_column("tokens", sa.Column(name, bytewise, nullable=True))
    op.create_index("tokens_newest", "tokens", ["created_at", "id"])


def downgrade() -> None:
    raise RuntimeError("forward only: restore a backup instead")
