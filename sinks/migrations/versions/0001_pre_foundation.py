"""The tables that mirror no Avro record."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_pre_foundation"
down_revision = None
branch_labels = None
depends_on = None


def _key() -> postgresql.TEXT:
    return postgresql.TEXT(collation="C")


def upgrade() -> None:
    op.create_table(
        "person_claim",
        sa.Column("record_key", _key(), primary_key=True),
        sa.Column("person_key", _key(), primary_key=True),
        comment="Which golden person an institution's person record counts for. While a record moves, it may show two or none.",
    )
    op.create_table(
        "ledger",
        sa.Column("institution", _key(), primary_key=True),
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        comment="Rows that the sink has applied, per institution and table; written in the transaction of the rows.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "applied_offset",
        sa.Column("topic", _key(), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True),
        sa.Column("topic_id", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        comment="First offset not yet applied. A topic made anew has another topic_id and is read from its start.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        comment="Who saw or ordered what.",
    )


def downgrade() -> None:
    for table in ("audit", "applied_offset", "ledger", "person_claim"):
        op.drop_table(table)
