"""The measures of a day, computed in sets for all institutions at once, and stored.

Everything is read as of the day's last moment, so that computing a past day again gives the same. Two inputs do not last
that long: heartbeats, whose history is short, and what was stored of earlier days; both are kept as rows of their days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from schemas.avro_schema import ENTITIES
from sinks.model import QUALITY_DAY
from sinks.quality.correct import AGREES, DIFFERS, OPEN, REGISTERS
from sinks.quality.days import Day
from sinks.quality.mandatory import PLACEHOLDERS, cells, filled
from sinks.quality.measures import ALL, CLEAN_RULES, FOUR, Row, share, wilson_lower
from sinks.quality.state import live, versions

WINDOW_DAYS = 30
BEATS_KEPT = timedelta(hours=36)
"""A day's heartbeats can be counted this long after its end; later its stored row stands."""
SLOT_SECONDS = 900
URGENT = ("person", "study_record", "study_decision", "degree", "degree_correction")
LIMIT_SECONDS = {entity: 900 if entity in URGENT else 86_400 for entity in ENTITIES}
"""How long a change may take to be visible nationally: identity, status and degrees 15 minutes, all else a day."""
DECIDED = {"study_decision": "decision_date", "degree": "decision_date", "degree_correction": "decision_date"}

Key = tuple[str, str]
"""Institution and scope."""


def compute(connection: sa.Connection, day: Day) -> list[Row]:
    """All rows of a day. Reads a lot: one pass over every national table."""
    return list(_Computation(connection, day).rows())


def store(connection: sa.Connection, day: Day, rows: Iterable[Row]) -> None:
    """Replace the day's rows."""
    connection.execute(sa.delete(QUALITY_DAY).where(QUALITY_DAY.c.day == day.day))
    values = [{"day": day.day, **vars(row)} for row in rows]
    if values:
        connection.execute(sa.insert(QUALITY_DAY), values)


class _Computation:
    def __init__(self, connection: sa.Connection, day: Day) -> None:
        self._connection = connection
        self._day = day
        self._records: dict[Key, int] = {}

    def rows(self) -> Iterator[Row]:
        counted = self._cells()
        self._records = {key: found["live"] for key, found in counted.items()}
        yield from self._counted_records()
        yield from self._correct()
        yield from self._complete(counted)
        yield from self._found()
        yield from self._live()

    # -- đúng ---------------------------------------------------------------------------------------------------------

    def _correct(self) -> Iterator[Row]:
        sums: dict[Key, dict[str, int]] = defaultdict(lambda: {"made": 0, "agreed": 0, "open": 0})
        kinds: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for register in REGISTERS:
            for found in self._query(register.statement()):
                institution, records = found["institution"], found["records"]
                for number, comparison in enumerate(register.comparisons):
                    verdict = found[f"v{number}"]
                    told = {"agreed": verdict == AGREES, "made": verdict in (AGREES, DIFFERS), "open": verdict == OPEN}
                    counts = kinds[institution].setdefault(comparison.name, [0, 0, 0])
                    for place, (name, so) in enumerate(told.items()):
                        counts[place] += records * so
                        for scope in (register.scope, ALL):
                            sums[institution, scope][name] += records * so
        for institution, scope in self._keys():
            total = sums[institution, scope]
            if scope != ALL and not any(total.values()):
                continue
            made, agreed = total["made"], total["agreed"]
            facts: dict[str, Any] = {
                "lower": wilson_lower(agreed, made),
                "coverage": share(made, made + total["open"]),
            }
            if scope == ALL:
                facts["comparisons"] = kinds[institution]
            yield Row(institution, scope, "correct", agreed, made, total["open"], share(agreed, made), facts)

    # -- đủ -----------------------------------------------------------------------------------------------------------

    def _cells(self) -> dict[Key, dict[str, int]]:
        """Live records, mandatory cells and filled ones."""
        parts = [
            f"SELECT institution, '{e}' AS scope, count(*) AS live, coalesce(sum({cells(e)}), 0)::bigint AS cells, "
            f"coalesce(sum({filled(e)}), 0)::bigint AS filled FROM {live(e)} r GROUP BY 1"
            for e in ENTITIES
        ]
        out: dict[Key, dict[str, int]] = {}
        for found in self._query(" UNION ALL ".join(parts), placeholders=list(PLACEHOLDERS)):
            for scope in (found["scope"], ALL):
                total = out.setdefault((found["institution"], scope), {"live": 0, "cells": 0, "filled": 0})
                for name in total:
                    total[name] += found[name]
        return out

    def _complete(self, counted: Mapping[Key, Mapping[str, int]]) -> Iterator[Row]:
        expected = self._expected()
        for institution, scope in self._keys(extra=expected):
            found = counted.get((institution, scope), {"live": 0, "cells": 0, "filled": 0})
            fill = share(found["filled"], found["cells"])
            yield Row(institution, scope, "fill", found["filled"], found["cells"], 0, fill)
            wanted = {e: n for (i, e), n in expected.items() if i == institution and scope in (e, ALL)}
            there = {e: min(n, self._records.get((institution, e), 0)) for e, n in wanted.items()}
            unknown = sum(
                n for (i, e), n in self._records.items() if i == institution and e != ALL and scope in (e, ALL) and e not in wanted
            )  # fmt: skip
            coverage = share(sum(there.values()), sum(wanted.values()))
            surplus = sum(max(0, self._records.get((institution, e), 0) - n) for e, n in wanted.items())
            yield Row(
                institution,
                scope,
                "coverage",
                sum(there.values()),
                sum(wanted.values()),
                unknown,
                coverage,
                {"surplus": surplus, "by": "count"},
            )
            value = None if fill is None or coverage is None else fill * coverage
            facts = {"fill": fill, "coverage": coverage}
            yield Row(institution, scope, "complete", found["filled"], found["cells"], unknown, value, facts)

    def _expected(self) -> dict[Key, int]:
        query = f"SELECT institution, entity, max(expected) AS expected FROM {live('manifest')} m WHERE expected IS NOT NULL GROUP BY 1, 2"
        return {
            (row["institution"], row["entity"]): row["expected"]
            for row in self._query(query)
            if row["entity"] in ENTITIES
        }

    # -- sạch, and what hangs from findings ---------------------------------------------------------------------------

    def _found(self) -> Iterator[Row]:
        query = (
            "SELECT split_part(record_key, '/', 1) AS institution, split_part(record_key, '/', 2) AS scope, "
            "count(DISTINCT record_key) FILTER (WHERE status IN ('OPEN', 'DISPUTED') AND severity = 'ERROR') AS wrong, "
            "count(DISTINCT record_key) FILTER (WHERE status IN ('OPEN', 'DISPUTED') AND rule = ANY (:rules)) AS unclean, "
            "count(DISTINCT record_key) FILTER (WHERE status = 'WAIVED') AS waived "
            "FROM finding_as_of(:moment) WHERE status <> 'RESOLVED' AND institution = split_part(record_key, '/', 1) "
            "GROUP BY 1, 2"
        )
        sums: dict[Key, dict[str, int]] = defaultdict(lambda: {"wrong": 0, "unclean": 0, "waived": 0})
        for found in self._query(query, rules=list(CLEAN_RULES)):
            if found["scope"] not in ENTITIES:
                continue
            for scope in (found["scope"], ALL):
                for name in ("wrong", "unclean", "waived"):
                    sums[found["institution"], scope][name] += found[name]
        for (institution, scope), records in self._records.items():
            total = sums[institution, scope]
            for measure, name in (("valid", "wrong"), ("clean", "unclean")):
                good = records - min(records, total[name])
                yield Row(
                    institution, scope, measure, good, records, 0, share(good, records), {"waived": total["waived"]}
                )
            yield Row(institution, scope, "waived", total["waived"], records, 0, share(total["waived"], records))

    def _counted_records(self) -> Iterator[Row]:
        facts = {"moment": self._day.moment.isoformat(), "final": self._day.over}
        for (institution, scope), records in self._records.items():
            yield Row(institution, scope, "records", records, records, 0, float(records), facts if scope == ALL else {})

    # -- sống ---------------------------------------------------------------------------------------------------------

    def _live(self) -> Iterator[Row]:
        changes = self._changes()
        before = self._stored("changes", self._day.day - timedelta(days=WINDOW_DAYS - 1))
        beats = self._beats()
        lags = self._lags()
        for institution in sorted({i for i, _ in self._records} | set(beats)):
            good, made = changes.get(institution, (0, 0))
            yield Row(institution, ALL, "changes", good, made, 0, share(good, made))
            past = before.get(institution, (0, 0))
            on_time = Row(
                institution, ALL, "on_time", good + past[0], made + past[1], 0, share(good + past[0], made + past[1])
            )
            beat = beats.get(institution) or Row(
                institution, ALL, "heartbeat", 0, 0, 1, None, {"why": "no heartbeat yet"}
            )
            apart = Row(institution, ALL, "difference", 0, 0, 1, None, {"why": "source and store are not compared yet"})
            yield from (on_time, beat, apart)
            yield _least(on_time, beat)
            if institution in lags:
                yield lags[institution]

    def _changes(self) -> dict[str, tuple[int, int]]:
        parts = [
            f"SELECT institution, count(*) FILTER (WHERE applied_at - changed_at <= interval '{LIMIT_SECONDS[e]} s') AS good, "
            f"count(*) AS made FROM {versions(e)} v WHERE applied_at >= :begin AND NOT snapshot GROUP BY 1"
            for e in ENTITIES
        ]
        query = f"SELECT institution, sum(good)::bigint AS good, sum(made)::bigint AS made FROM ({' UNION ALL '.join(parts)}) e GROUP BY 1"
        return {row["institution"]: (row["good"], row["made"]) for row in self._query(query)}

    def _beats(self) -> dict[str, Row]:
        day = self._day
        if day.now - day.end > BEATS_KEPT:
            return {row.institution: row for row in self._kept("heartbeat")}
        query = (
            "WITH beat AS (SELECT institution, changed_at FROM "
            f"{versions('canary')} v WHERE operation <> 'CANCEL'), first AS (SELECT institution, least(min(changed_at), (SELECT min(q.day)::timestamp "
            "AT TIME ZONE 'Asia/Ho_Chi_Minh' FROM quality_day q WHERE q.institution = beat.institution AND q.measure = 'heartbeat' AND q.denominator > 0 "
            "AND q.day < :day)) AS at FROM beat GROUP BY 1), "
            f"slot AS (SELECT DISTINCT institution, floor(extract(epoch FROM changed_at) / {SLOT_SECONDS})::bigint AS n FROM beat "
            "WHERE changed_at >= :begin AND changed_at <= :moment), "
            f"span AS (SELECT institution, floor(extract(epoch FROM greatest(at, :begin)) / {SLOT_SECONDS})::bigint AS first, "
            f"floor(extract(epoch FROM CAST(:moment AS timestamptz)) / {SLOT_SECONDS})::bigint AS last FROM first WHERE at <= :moment) "
            "SELECT institution, count(n) AS good, last - first + (coalesce(max(n) = last, false) OR :over)::int AS made "
            "FROM span LEFT JOIN slot USING (institution) GROUP BY institution, first, last"
        )
        return {
            row["institution"]: Row(
                row["institution"],
                ALL,
                "heartbeat",
                row["good"],
                row["made"] or 0,
                0,
                share(row["good"], row["made"] or 0),
            )
            for row in self._query(query, over=day.over, day=day.day)
        }

    def _lags(self) -> dict[str, Row]:
        """Of decisions of the last 30 days: from their date to their first commit at the source."""
        parts = [
            f"SELECT v.institution, (v.changed_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date - hemis_date(r.{column}) AS days "
            f"FROM {versions(e)} v JOIN {live(e)} r USING (record_key) WHERE v.operation = 'NEW' AND NOT v.snapshot "
            f"AND v.applied_at > CAST(:moment AS timestamptz) - interval '{WINDOW_DAYS} days' AND hemis_date(r.{column}) IS NOT NULL"
            for e, column in DECIDED.items()
        ]
        query = (
            "SELECT institution, count(*) AS made, percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS p50, "
            f"percentile_cont(0.95) WITHIN GROUP (ORDER BY days) AS p95 FROM ({' UNION ALL '.join(parts)}) d GROUP BY 1"
        )
        return {
            row["institution"]: Row(
                row["institution"], ALL, "business_lag", row["made"], row["made"], 0, row["p50"], {"p50": row["p50"], "p95": row["p95"]}
            )
            for row in self._query(query)
        }  # fmt: skip

    # -- reading ------------------------------------------------------------------------------------------------------

    def _keys(self, extra: Iterable[Key] = ()) -> list[Key]:
        return sorted({*self._records, *extra})

    def _query(self, text: str, **more: object) -> list[Mapping[str, Any]]:
        values = {"moment": self._day.moment, "begin": self._day.begin, **more}
        wanted = sa.text(text)
        named = {name: value for name, value in values.items() if name in wanted.compile().params}
        return [dict(row) for row in self._connection.execute(wanted, named).mappings()]

    def _stored(self, measure: str, since: date) -> dict[str, tuple[int, int]]:
        """Sums of the stored days before this one."""
        q = QUALITY_DAY.c
        query = (
            sa.select(q.institution, sa.func.sum(q.numerator), sa.func.sum(q.denominator))
            .where(q.measure == measure, q.scope == ALL, q.day >= since, q.day < self._day.day)
            .group_by(q.institution)
        )
        return {row[0]: (int(row[1]), int(row[2])) for row in self._connection.execute(query)}

    def _kept(self, measure: str) -> Iterator[Row]:
        q = QUALITY_DAY.c
        query = sa.select(QUALITY_DAY).where(q.measure == measure, q.day == self._day.day)
        for row in self._connection.execute(query).mappings():
            yield Row(**{name: value for name, value in row.items() if name != "day"} | {"facts": row["facts"] or {}})


def _least(*parts: Row) -> Row:
    """Sống: the least of what is assessed; the comparison of source and store is not."""
    assessed = [part for part in parts if part.value is not None]
    facts: dict[str, Any] = {part.measure: part.value for part in parts} | {"difference": None}
    missing = len(parts) + 1 - len(assessed)
    if not assessed:
        return Row(parts[0].institution, ALL, "live", 0, 0, missing, None, facts)
    least = min(assessed, key=lambda part: part.value or 0.0)
    return Row(
        least.institution, ALL, "live", least.numerator, least.denominator, missing, least.value, facts | {"least": least.measure}
    )  # fmt: skip


def red(values: Mapping[str, float | None]) -> str | None:
    """The least of the four, the one to be shown in red."""
    assessed = {name: value for name in FOUR if (value := values.get(name)) is not None}
    return min(assessed, key=lambda name: assessed[name]) if assessed else None
