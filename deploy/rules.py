"""`hemis rules …`: the rule directory on the screen."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click

from deploy.rule_page import SEVERITIES, STAGES, STATUSES, shown, status_of
from schemas.avro_schema import ENTITIES
from schemas.errors import Exit
from schemas.rules import VERSIONS, Example, Rule, Text

_LANGUAGE = click.option(
    "--language",
    type=click.Choice(("vi", "en")),
    default=lambda: "vi" if os.environ.get("HEMIS_LANGUAGE", "").lower().startswith("vi") else "en",
    show_default="HEMIS_LANGUAGE, else en",
    help="Language of the texts.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, in both languages.")


@click.group()
def rules() -> None:
    """The rules that records are held to."""


@rules.command("list")
@click.option("--entity", type=click.Choice(ENTITIES), help="Only rules about this entity.")
@click.option("--stage", type=click.Choice(tuple(STAGES)), help="Only rules that this stage evaluates.")
@_LANGUAGE
@_JSON
def list_(entity: str | None, stage: str | None, language: str, as_json: bool) -> None:
    """Every rule in one line."""
    chosen = [
        rule
        for rule in VERSIONS
        if stage in (None, rule.stage) and (entity is None or entity in rule.fields or "*" in rule.fields)
    ]
    if as_json:
        for rule in chosen:
            click.echo(json.dumps(as_mapping(rule), ensure_ascii=False))
        return
    for rule in chosen:
        severity, status = SEVERITIES[rule.severity].in_language(language), status_of(rule).in_language(language)
        click.echo(
            f"{rule.id}  {severity:<9}  {rule.title.in_language(language)}"
            + ("" if rule.status == "kept" and not rule.limits else f"  ({status})")
        )


@rules.command()
@click.argument("rule_id", metavar="ID")
@_LANGUAGE
@_JSON
def show(rule_id: str, language: str, as_json: bool) -> None:
    """One rule with its cases and examples. Exit 2 if there is none of this id."""
    chosen = [rule for rule in VERSIONS if rule.id == rule_id.upper()]
    if not chosen:
        click.echo(f"{rule_id}: hemis rules list", err=True)
        sys.exit(Exit.USAGE)
    for rule in chosen:
        if as_json:
            click.echo(json.dumps(as_mapping(rule), ensure_ascii=False))
        else:
            click.echo("\n".join(_screen(rule, language)))


def _screen(rule: Rule, language: str) -> list[str]:
    def said(text: Text) -> str:
        return text.in_language(language)

    vi = language == "vi"
    lines = [f"{rule.id}  {said(SEVERITIES[rule.severity])}  {said(rule.title)}", "", said(rule.explanation), ""]
    lines.append(f"→ {said(rule.todo)}")
    lines.append(f"{'Tính khi' if vi else 'Evaluated'}: {said(STAGES[rule.stage])}")
    if rule.waiver:
        lines.append(f"{'Miễn trừ' if vi else 'Waiver'}: {said(rule.waiver)}")
    if rule.not_yet:
        lines.append(f"{said(STATUSES['not yet'])}: {said(rule.not_yet)}")
    if rule.limits:
        lines.append(f"{'Giới hạn' if vi else 'Limits'}: {said(rule.limits)}")
    lines += [f"{'Nguồn' if vi else 'Source'}: {said(rule.source)}", ""]
    lines += [f"  {said(SEVERITIES[case.severity])}: {case.shown(language)}" for case in rule.cases.values()]
    lines += [f"  ✓ {shown(example)}" for example in rule.good]
    lines += [f"  ✗ {shown(example)}" for example in rule.bad]
    return lines


def as_mapping(rule: Rule) -> dict[str, Any]:
    """A rule as JSON has it."""

    def both(text: Text | None) -> dict[str, str] | None:
        return None if text is None else {"vi": text.vi, "en": text.en}

    def example(one: Example) -> dict[str, Any]:
        known = {
            "entity": one.entity, "values": one.values, "untyped": one.untyped, "of": one.of, "arguments": one.arguments,
            "text": both(one.text), "finds": list(one.finds),
        }  # fmt: skip
        return {name: value for name, value in known.items() if value}

    return {
        "id": rule.id,
        "stage": rule.stage,
        "fields": {entity: list(names) for entity, names in rule.fields.items()},
        "severity": rule.severity,
        "status": rule.status,
        "not_yet": both(rule.not_yet),
        "limits": both(rule.limits),
        "tolerance": dict(rule.tolerance),
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "waiver": both(rule.waiver),
        "title": both(rule.title),
        "explanation": both(rule.explanation),
        "todo": both(rule.todo),
        "source": both(rule.source),
        "cases": {
            name: {
                "severity": case.severity,
                "stage": case.stage,
                "not_yet": both(case.not_yet),
                **(both(case.text) or {}),
            }
            for name, case in rule.cases.items()
        },
        "good": [example(one) for one in rule.good],
        "bad": [example(one) for one in rule.bad],
    }
