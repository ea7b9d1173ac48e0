"""Studies, records, heartbeats; on PostgreSQL the views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from luthier.storage._postgresql_views import VIEWS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    on_mysql = op.get_bind().dialect.name in ("mysql", "mariadb")
    # Kept apart from the tables of `_sql_schema`: a step must not change when they do.
    name = sa.VARBINARY(1000) if on_mysql else sa.Text()
    body = mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin") if on_mysql else sa.Text()
    moment = mysql.DATETIME(fsp=6) if on_mysql else sa.DateTime()
    op.create_table(
        "luthier_studies",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        sa.Column("name", name, nullable=False, unique=True),
        sa.Column("identity", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "luthier_records",
        sa.Column("study", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("claim", name),
        sa.Column("token", sa.String(32)),
        sa.Column("body", body, nullable=False),
        sa.PrimaryKeyConstraint("study", "seq"),
        sa.ForeignKeyConstraint(["study"], ["luthier_studies.id"], ondelete="CASCADE"),
    )
    for column in ("claim", "token"):
        op.create_index(
            f"luthier_records_{column}",
            "luthier_records",
            ["study", column],
            unique=True,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_table(
        "luthier_beats",
        sa.Column("study", sa.BigInteger(), nullable=False),
        sa.Column("owner", name, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("study", "owner"),
        sa.ForeignKeyConstraint(["study"], ["luthier_studies.id"], ondelete="CASCADE"),
    )
    if not on_mysql:
        for view in VIEWS:
            op.execute(view)
