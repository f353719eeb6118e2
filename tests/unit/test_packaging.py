"""What could go wrong between the tree and an installation."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from hatch_build import SOURCES, deciding, digest, group
from schemas import native
from schemas.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
PACKAGES = ("schemas", "producers", "stream_processors", "sinks", "deploy")

# Spelled in parts, so that this file does not name what it forbids.
REGISTRY_HOSTS = re.compile(
    rb"(?:pypi|pythonhosted|npmjs|crates)\.(?:org|io)|repo[0-9]*\.(?:maven|apache)\.|maven\.org|proxy\.golang|deb\.debian",
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(rb"""(?:^|[\s"'=(`])/(?:home|root|work|Users)/\w""", re.MULTILINE)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git work tree: an unpacked archive has no list of tracked files")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_brings_a_package_of_ours(package: str) -> None:
    owners = set(packages_distributions().get(package, []))
    assert owners <= {"hemis-bus"}, f"'{package}' would be taken from {owners}"


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_imported_from_this_tree(package: str) -> None:
    module = __import__(package)
    assert module.__file__ is not None
    assert Path(module.__file__).parent == ROOT / package


@pytest.mark.parametrize(
    ("forbidden", "why"),
    [
        (REGISTRY_HOSTS, "the address of a registry: it would bypass the mirror of a closed network"),
        (MACHINE_PATHS, "a path of one machine"),
    ],
)
def test_no_tracked_file_holds(forbidden: re.Pattern[bytes], why: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group().decode(errors='replace').strip()}"
        for path in tracked_files()
        if path != Path(__file__)
        for match in [forbidden.search(path.read_bytes())]
        if match
    ]
    assert not found, f"{why}: {found}"


@pytest.mark.parametrize("name", ["local.txt", "dev.txt"])
def test_locks_pin_every_requirement_by_hash(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def has_compiler() -> bool:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "").split()
    return (
        bool(compiler)
        and shutil.which(compiler[0]) is not None
        and Path(sysconfig.get_path("include"), "Python.h").exists()
    )


def test_the_compiled_wire_format_is_there_and_of_this_source() -> None:
    if os.environ.get("HEMIS_WIRE") == "python" or not has_compiler():
        pytest.skip("it is left aside, or there is no compiler")
    assert native.wire is not None, "make venv"
    assert digest(ROOT / SOURCES) == native.wire.SOURCE_SHA256, "make venv"


def hook() -> dict[str, Any]:
    """What pyproject.toml says to hatch_build.py."""
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]
    its: dict[str, Any] = hatch["build"]["targets"]["wheel"]["hooks"]["custom"]
    return its


def modules(root: Path = ROOT) -> list[Path]:
    return deciding(root, hook())


def test_the_deciding_modules_are_compiled_and_of_this_source() -> None:
    if os.environ.get("HEMIS_COMPILE") == "wire" or not has_compiler():
        pytest.skip("they are left aside, or there is no compiler")
    assert importlib.import_module("stream_processors.records.changes").__file__.endswith(SUFFIX), "make venv"
    assert [path.name for path in ROOT.glob(f"hemis_*{SUFFIX}")] == [f"{group(modules())}__mypyc{SUFFIX}"], "make venv"


def test_the_command_finds_its_data_from_any_folder(tmp_path: Path) -> None:
    """A compiled module's own `__file__` does not say where its source's data lie."""
    command = [sys.executable, "-m", "deploy.command", "match", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    outside = "import schemas.rules.directory as d; print(len(d.RULES))"
    done = subprocess.run([sys.executable, "-c", outside], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stderr, done.stdout.strip()) == ("", str(len(RULES)))


def test_make_installs_anew_after_a_change_of_what_is_compiled() -> None:
    made_from = (ROOT / "Makefile").read_text("utf-8").partition("NATIVE :=")[2].partition("\n\n")[0]
    assert [pattern for pattern in hook()["modules"] if pattern.replace("[!_]*", "*") not in made_from] == []


@pytest.mark.parametrize("compiler", ["", "/nowhere/cc", "false"])
def test_a_wheel_is_built_with_and_without_a_compiler(compiler: str, tmp_path: Path) -> None:
    if not compiler and not has_compiler():
        pytest.skip("there is no compiler")
    for path in tracked_files():
        name = path.relative_to(ROOT)
        if name.parts[0] in PACKAGES or len(name.parts) == 1:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / name)
    (tmp_path / "schemas" / "_wire.of-another.so").write_bytes(b"")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    environment = {k: v for k, v in os.environ.items() if k != "HEMIS_COMPILE"} | ({"CC": compiler} if compiler else {})
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    with ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.endswith(".so")]
        assert "schemas/binary.py" in archive.namelist()
    made = [path.relative_to(tmp_path) for path in modules(tmp_path)]
    library = Path(f"{group(modules(tmp_path))}__mypyc")
    compiled = [str(path.with_suffix(SUFFIX)) for path in (Path("schemas/_wire"), library, *made)]
    assert sorted(found) == ([] if compiler else sorted(compiled))
    assert wheel.name.endswith("-py3-none-any.whl") == bool(compiler)
