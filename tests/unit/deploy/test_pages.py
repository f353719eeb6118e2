"""What the pages for people on call tell them to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from deploy.command import root

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
SITUATIONS = sorted((DEPLOY / "situations").glob("*.md"))
PAGES = [*SITUATIONS, *sorted((DEPLOY / "runbooks").glob("*.md")), DEPLOY.parent / "README.md"]
SECTIONS = ["Meaning", "What you see", "What to do", "What heals by itself"]
_COMMAND = re.compile(r"`(hemis [^`]+)`|^    (hemis .+)$", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Every command that a page names, in running text or as a line of its own; a line's comment left away."""
    found = [inline or line for inline, line in _COMMAND.findall(text)]
    return [" ".join(one.partition(" #")[0].split()) for one in found]


def wrong(text: str) -> str:
    """What of a command line does not exist; empty if it may be typed so."""
    command: click.Command = root
    context = click.Context(root, info_name="hemis")
    words = shlex.split(text.replace("…", "X"))[1:]
    while words and isinstance(command, click.Group):
        if words[0] in ("X", "--help", "|"):
            return ""
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]!r}"
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return ", ".join(f"no option {word}" for word in words if word.startswith("--") and word.split("=")[0] not in known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    named = commands(page.read_text("utf-8"))
    bad = {text: why for text in named if (why := wrong(text))}
    assert not bad


def test_what_does_not_exist_is_noticed() -> None:
    assert wrong("hemis agent findings --xlsx FILE") == ""
    assert wrong("hemis agent list") == "no command 'list'"
    assert wrong("hemis restore FOLDER --dril") == "no option --dril"
    assert commands("`hemis lag` and\n\n    hemis status --json  # one\n") == ["hemis lag", "hemis status --json"]


@pytest.mark.parametrize("page", SITUATIONS, ids=lambda page: page.stem)
def test_a_situation_says_four_things_in_two_languages(page: Path) -> None:
    text = page.read_text("utf-8")
    title, *sections = re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]
    assert " · " in title.splitlines()[0]
    assert [section.splitlines()[0] for section in sections] == SECTIONS
    for section in sections:
        assert re.search(r"^\*[^*].*?[^*]\*$", section, re.MULTILINE | re.DOTALL), section
    assert commands(text), "it says what to type"
