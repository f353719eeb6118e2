"""What could go wrong between the tree and an installation."""

import re
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
