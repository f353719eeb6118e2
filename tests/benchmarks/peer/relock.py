"""Make artifacts.lock anew: `python -m tests.benchmarks.peer.relock`. Needs Maven; running the peer does not.

Maven resolves the closures of the two files in closure/; the lock pins what it found by sha256.
"""

import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from deploy.local import artifacts
from tests.benchmarks.peer.plugins import AVRO, CONNECT, DEBEZIUM, LOCK

CLOSURE = Path(__file__).with_name("closure")
PLUGINS = tuple(f"io.debezium:debezium-connector-{name}:3.5.0.Final:tar.gz:plugin" for name in ("postgres", "jdbc"))
BY_THE_WORKER = ("kafka-clients", "connect-api", "connect-json", "slf4j-api", "snappy-java", "lz4-java", "zstd-jni")
"""Jars of the converter's closure that the worker's own class path brings."""


def main() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        sys.exit("relock needs Maven (mvn)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        repository = folder / "repository"
        run = [maven, "-q", "-B", f"-Dmaven.repo.local={repository}"]
        for name in ("connect", "avro"):
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / name}"]
            subprocess.run([*run, "-f", str(CLOSURE / f"{name}.xml"), *goal], check=True)
        for plugin in PLUGINS:
            goal = ["dependency:copy", f"-Dartifact={plugin}", f"-DoutputDirectory={folder / 'plugins'}"]
            subprocess.run([*run, *goal], check=True)
        paths = {path.name: path for path in repository.rglob("*") if path.suffix in (".jar", ".gz")}
        have = {artifact.sha256 for artifact in artifacts.locked("kafka")}
        lines = [LOCK.read_text("utf-8").splitlines()[0]]
        for group, source in ((CONNECT, "connect"), (AVRO, "avro"), (DEBEZIUM, "plugins")):
            for name in sorted(found.name for found in (folder / source).iterdir()):
                content = paths[name].read_bytes()
                digest = sha256(content).hexdigest()
                if (group == CONNECT and digest in have) or (group == AVRO and name.startswith(BY_THE_WORKER)):
                    continue
                lines.append(f"{group} {digest} {len(content)} {paths[name].relative_to(repository)}")
    LOCK.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
