"""The measures per day, waivers of set rules' findings, and the secret of pseudonyms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_pre_quality"
down_revision = "0001_pre_foundation"
branch_labels = None
depends_on = None


def _key() -> postgresql.TEXT:
    return postgresql.TEXT(collation="C")


def upgrade() -> None:
    op.create_table(
        "quality_day",
        sa.Column("institution", _key(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("measure", sa.Text(), primary_key=True),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.Column("not_assessed", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        comment="The measures per institution and day (Vietnam's); scope: 'all' or an entity. A day's rows are final after its end.",
    )
    op.create_table(
        "set_waiver",
        sa.Column("finding_id", _key(), primary_key=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("waiver", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Waivers of set rules' findings; RECORDS and PEOPLE keep those of theirs.",
    )
    op.create_table(
        "pseudonym_secret",
        sa.Column("secret", sa.Text(), primary_key=True),
        comment="What makes readers' pseudonyms of person keys; one row, made with the database.",
    )


def downgrade() -> None:
    for table in ("pseudonym_secret", "set_waiver", "quality_day"):
        op.drop_table(table)
