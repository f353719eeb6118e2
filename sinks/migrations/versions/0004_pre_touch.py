"""What a day has made due, and when it was ordered; waivers of PEOPLE's findings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_pre_touch"
down_revision = "0003_pre_board"
branch_labels = None
depends_on = None


def _key() -> postgresql.TEXT:
    return postgresql.TEXT(collation="C")


def upgrade() -> None:
    op.create_table(
        "touch",
        sa.Column("record_key", _key(), primary_key=True),
        sa.Column("cause", sa.Text(), primary_key=True),
        sa.Column("due", sa.Date(), primary_key=True),
        sa.Column("institution", _key(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        comment="Records that a day has made due, and when RECORDS was ordered to look at them.",
    )
    op.create_index(
        "touch_waiting", "touch", ["institution", "due", "record_key"], postgresql_where=sa.text("ordered_at IS NULL")
    )
    op.add_column("set_waiver", sa.Column("said", sa.Text(), nullable=True))
    op.create_table_comment(
        "set_waiver", "Waivers of set rules' and PEOPLE's findings; RECORDS keeps those of its own."
    )


def downgrade() -> None:
    op.drop_column("set_waiver", "said")
    op.drop_table("touch")
