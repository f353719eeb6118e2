"""What the board reads at a glance: findings counted, how changes arrived, the newest day's measures by an index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_pre_board"
down_revision = "0002_pre_quality"
branch_labels = None
depends_on = None


def _key() -> postgresql.TEXT:
    return postgresql.TEXT(collation="C")


def upgrade() -> None:
    op.create_table(
        "finding_count",
        sa.Column("institution", _key(), primary_key=True),
        sa.Column("rule", sa.Text(), primary_key=True),
        sa.Column("severity", sa.Text(), primary_key=True),
        sa.Column("status", sa.Text(), primary_key=True),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        comment="How many findings there are; kept by a trigger in the transaction that changes them, counted anew at every migration.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "arrival",
        sa.Column("institution", _key(), primary_key=True),
        sa.Column("slot", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("delays", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("canaries", sa.BigInteger(), nullable=False),
        sa.Column("hops", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("newest", postgresql.JSONB(), nullable=False),
        comment="How an institution's changes arrived in five minutes. Not part of the register: sinks add to it beside the delivery.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_index("arrival_slot", "arrival", ["slot"])
    op.create_index("quality_day_newest", "quality_day", ["day"], postgresql_where=sa.text("scope = 'all'"))


def downgrade() -> None:
    # The trigger and its function are the views' matter; they would write to a table that is gone.
    op.execute("DROP FUNCTION IF EXISTS finding_counted() CASCADE")
    op.drop_index("quality_day_newest", "quality_day")
    for table in ("arrival", "finding_count"):
        op.drop_table(table)
