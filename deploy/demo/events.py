"""What happens once in a while at a university and must not break anything: TRUNCATE, ALTER TABLE, one huge transaction."""

from __future__ import annotations

from typing import Any, TypeAlias

import psycopg
from psycopg import sql

Connection: TypeAlias = psycopg.Connection[Any]


def truncate_contracts(connection: Connection) -> int:
    """University 2 empties its contracts table, 2 % of its records, and half comes back later with `refill`."""
    with connection.transaction():
        connection.execute("create table if not exists sis.contracts_before (like sis.contracts)")
        connection.execute("truncate sis.contracts_before")
        count = connection.execute("insert into sis.contracts_before select * from sis.contracts").rowcount
        connection.execute("truncate sis.contracts")
    return count


def refill_contracts(connection: Connection) -> int:
    """Every second contract again, under its old key."""
    with connection.transaction():
        return connection.execute(
            "insert into sis.contracts select * from sis.contracts_before where contract_id % 4 in (0, 1)"
            " on conflict do nothing"
        ).rowcount


def alter_tables(connections: dict[str, Connection]) -> list[str]:
    """Columns are added, filled and renamed at two universities while agents run. Returns what was done."""
    done = []
    with connections["DHA"].transaction():
        names = _columns(connections["DHA"], "nh_1_1")
        old, new = ("updated_at", "ngay_cap_nhat") if "updated_at" in names else ("ngay_cap_nhat", "updated_at")
        connections["DHA"].execute(
            sql.SQL("alter table nh_1_1 rename column {} to {}").format(sql.Identifier(old), sql.Identifier(new))
        )
        added = _add(connections["DHA"], "nh_1_1", "varchar(40) default 'mới'")
        connections["DHA"].execute(
            "update nh_1_1 set dien_thoai = '0900000001' where id in (select id from nh_1_1 order by id limit 50)"
        )
        done.append(f"DHA: nh_1_1.{old} renamed, {added} added, 50 rows changed")
    with connections["DHC"].transaction():
        # In front of nothing and behind everything: a program that counts columns would now read the wrong one.
        added = _add(connections["DHC"], "SinhVien", "text")
        connections["DHC"].execute(
            sql.SQL(
                'update "SinhVien" set {} = %s, "Email" = %s where "MaSV" in (select "MaSV" from "SinhVien" order by 1 limit 50)'
            ).format(sql.Identifier(added)),
            ["x", "moi@example.edu.vn"],
        )
        done.append(f"DHC: SinhVien.{added} added, 50 rows changed")
    return done


def enrolments(connection: Connection) -> int:
    """Rows that `huge_transaction` has to work on."""
    row = connection.execute("select count(*) from sis.enrolments").fetchone()
    return int(row[0]) if row else 0


def huge_transaction(connection: Connection, row_changes: int) -> int:
    """University 2's roll-over of the year of study, repeated until one transaction holds this many row changes."""
    changed = 0
    with connection.transaction():
        while changed < row_changes:
            cursor = connection.execute(
                "update sis.enrolments set study_year = coalesce(study_year, 0) %% 15 + 1 where enrolment_id in"
                " (select enrolment_id from sis.enrolments order by enrolment_id limit %s)",
                [row_changes - changed],
            )
            if not cursor.rowcount:
                break
            changed += cursor.rowcount
    return changed


def _columns(connection: Connection, table: str) -> set[str]:
    rows = connection.execute("select column_name from information_schema.columns where table_name = %s", [table])
    return {row[0] for row in rows}


def _add(connection: Connection, table: str, kind: str) -> str:
    names = _columns(connection, table)
    name = next(f"ghi_chu_{n}" for n in range(1, 1000) if f"ghi_chu_{n}" not in names)
    connection.execute(
        sql.SQL("alter table {} add column {} {}").format(sql.Identifier(table), sql.Identifier(name), sql.SQL(kind))
    )
    return name
