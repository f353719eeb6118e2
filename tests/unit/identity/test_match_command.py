"""`hemis match`: what it prints, and what it says of bad files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.errors import HemisError
from stream_processors.identity import comparison
from stream_processors.identity.command import match
from tests.benchmarks.identity import claims

ASKED = [
    "records",
    "true_pairs",
    "best_f1",
    "precision",
    "recall",
    "recall_at_precision_0_999",
    "records_per_second",
    "p95_ms",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return claims.write(tmp_path_factory.mktemp("match"), claims.make(4, people=300, claims=450))


def run(*arguments: object) -> str:
    result = CliRunner().invoke(match, [str(a) for a in arguments])
    if isinstance(result.exception, HemisError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_and_picture(files: tuple[Path, Path], tmp_path: Path) -> None:
    picture = tmp_path / "curve.svg"
    found = json.loads(run(files[0], "--truth", files[1], "--json", "--picture", picture))
    assert set(ASKED) <= found.keys()
    assert found["records"] == 450
    assert found["best_f1"] > 0.9
    assert "<polyline" in picture.read_text("utf-8")


def test_table(files: tuple[Path, Path]) -> None:
    assert "best f1" in run(files[0], "--truth", files[1])


def test_any_columns_with_a_comparison_file(tmp_path: Path) -> None:
    using = tmp_path / "cars.yaml"
    using.write_text("columns: {plate: {compare: code}, owner: {compare: text}}\nblocking: [[plate], [owner]]\n")
    cars, truth = tmp_path / "cars.csv", tmp_path / "truth.csv"
    cars.write_text("record_id,plate,owner\n" + "".join(f"{n},P{n // 2},owner {n // 2}\n" for n in range(200)))
    truth.write_text("record_id,person\n" + "".join(f"{n},{n // 2}\n" for n in range(200)))
    found = json.loads(run(cars, "--truth", truth, "--comparisons", using, "--json"))
    assert found["best_f1"] == 1.0


GOOD = "record_id,full_name,birth_date\n1,Lê An,2001-02-03\n"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"record_id,name\n1,An\n", "E830"),
        ((GOOD + "1,An,2001\n").encode(), "E831"),
        ((GOOD + ",An,2001\n").encode(), "E831"),
        (GOOD.encode() + b"2,Nguy\xd4n,2001\n", "E832"),
        ((GOOD + "2,Nguyễn,2001,too,many\n").encode(), "E832"),
        (b"", "E830"),
        (b"record_id,full_name,birth_date\n9,An,2001\n", "E835"),
    ],
)
def test_bad_files_have_a_code(tmp_path: Path, content: bytes, code: str) -> None:
    file, truth = tmp_path / "claims.csv", tmp_path / "truth.csv"
    file.write_bytes(content)
    truth.write_text("record_id,person\n1,a\n")
    with pytest.raises(HemisError) as error:
        run(file, "--truth", truth)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("columns: {a: {compare: nmae}}\nblocking: [[a]]", "E833", "'name' is meant"),
        ("colums: {a: {compare: name}}\nblocking: [[a]]", "E834", "'columns' is meant"),
        ("columns: {a: {compare: name, optinal: true}}\nblocking: [[a]]", "E834", "'optional' is meant"),
        ("columns: {a: {compare: name}}\nblocking: [[b]]", "E834", "blocking"),
        ("columns: {a: {compare: name}}\nblocking: [[a.plian]]", "E834", "'plain' is meant"),
        ("columns: {a: {compare: name}}\nblocking: [a]", "E834", "list"),
        ("columns: {a: {compare: name}}\nblocking: [[a]]\nautomatic: {number: n}", "E834", "automatic"),
        ("columns: {}\nblocking: [[a]]", "E834", "columns"),
        ("columns: [", "E834", ""),
        ("- 1", "E834", ""),
    ],
)
def test_a_wrong_comparison_file_is_told_where(tmp_path: Path, text: str, code: str, hint: str) -> None:
    file = tmp_path / "comparison.yaml"
    file.write_text(text)
    with pytest.raises(HemisError) as error:
        comparison.load(file)
    assert error.value.code == code
    assert hint in error.value.detail
