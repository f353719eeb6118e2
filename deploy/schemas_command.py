"""`hemis schemas …`: compatibility, registration and the reference pages."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from schemas.avro_schema import canonical_text, subjects
from schemas.compatibility import RELEASED, matrix
from schemas.errors import Exit
from schemas.registry import COMPATIBILITY, Registry
from schemas.settings import OperatorSettings, load

_SETTINGS = click.option(
    "--settings", "file", type=click.Path(path_type=Path), help="Settings file; HEMIS_… variables win over it."
)


@click.group()
def schemas() -> None:
    """The contract's Avro schemas."""


@schemas.command()
@click.option("--registry-url", help="Also ask this registry, which may hold versions that were never released.")
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("var/schemas"), show_default=True, help="Folder."
)
def check(registry_url: str | None, cache: Path) -> None:
    """Hold every schema against every released version, in both directions. Exit 1 if one is incompatible."""
    bad = 0
    found = matrix()
    for (version, name), problems in found.items():
        for problem in problems:
            bad += 1
            click.echo(f"{name} with {version}: {problem}")
    if registry_url:
        registry = Registry(registry_url, cache)
        for name in subjects():
            if not registry.compatible(name, canonical_text(name)):
                bad += 1
                click.echo(f"{name}: the registry refuses it as the next version")
    where = " and the registry" if registry_url else ""
    click.echo(f"{len(subjects())} subjects against {len(found)} released schemas{where}: {bad or 'no'} problems")
    sys.exit(Exit.FINDINGS if bad else Exit.FINE)


@schemas.command()
@_SETTINGS
def register(file: Path | None) -> None:
    """Register every subject; repeating it changes nothing."""
    settings = load(OperatorSettings, file)
    for name, number in Registry(settings.registry_url, Path(settings.data) / "schemas").register_all().items():
        click.echo(f"{number:>6}  {name}")
    click.echo(f"compatibility: {COMPATIBILITY}")


@schemas.command()
@click.argument("version")
def release(version: str) -> None:
    """Keep today's schemas as those of VERSION, for `check`. A version that is kept already is never changed."""
    folder = RELEASED / version
    if folder.exists():
        raise click.UsageError(f"{version} is kept already")
    folder.mkdir(parents=True)
    for name in subjects():
        (folder / f"{name}.avsc").write_text(canonical_text(name) + "\n", "utf-8")
    click.echo(f"{len(subjects())} schemas kept as {version}")


@schemas.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a page is stale.")
def docs(only_check: bool) -> None:
    """Write the reference pages and the dashboards anew from the declarations."""
    from deploy import reference_pages
    from deploy.observability import dashboards

    stale = reference_pages.stale() + dashboards.stale()
    if not only_check:
        reference_pages.write()
        dashboards.write()
    for name in stale:
        click.echo(f"{name}: {'stale' if only_check else 'written'}")
    sys.exit(Exit.FINDINGS if only_check and stale else Exit.FINE)
