"""The reference pages follow the declarations."""

from pathlib import Path

from deploy import reference_pages


def test_pages_are_current() -> None:
    stale = reference_pages.stale()
    assert not stale, f"stale: {', '.join(stale)}; run: make docs"


def test_writing_takes_away_what_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "former.md").write_text("former", "utf-8")
    assert "former.md" in reference_pages.stale(tmp_path)
    reference_pages.write(tmp_path)
    assert reference_pages.stale(tmp_path) == []
