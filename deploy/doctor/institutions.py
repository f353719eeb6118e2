"""What the topics say of institutions: refused sources, dead letters."""

from __future__ import annotations

import time
from collections.abc import Iterator

from deploy import institutions
from deploy.doctor.checks import Result, passed, skipped, warned
from deploy.kafka import Refusals, administrator, kafka_errors, written_since
from schemas.errors import HemisError
from schemas.settings import OperatorSettings
from schemas.topics import DEAD_LETTERS

DAY = 86_400.0


def examine(settings: OperatorSettings) -> Iterator[Result]:
    try:
        known = institutions.every(settings)
    except HemisError as error:
        yield skipped("institutions.source", f"{error.code} {error.declared.en}")
    else:
        refused = sorted((one for one in known if one.state == "refused"), key=lambda one: one.code)
        if refused:
            first = refused[0]
            told = ", ".join(f"{one.code}: {one.system_id or 'unknown'}" for one in refused)
            yield warned("institutions.source", told, code=first.code, system_id=first.system_id or "SYSTEM_ID")
        else:
            yield passed("institutions.source", f"{len(known)} institutions")
    refusals = Refusals(settings)
    try:
        with kafka_errors(refusals):
            letters = written_since(administrator(settings, refusals), DEAD_LETTERS.name, time.time() - DAY)
    except HemisError as error:
        yield skipped("letters.recent", f"{error.code} {error.declared.en}")
        return
    yield warned("letters.recent", f"{letters:,}") if letters else passed("letters.recent")
