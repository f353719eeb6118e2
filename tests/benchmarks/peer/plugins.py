"""The peer's Java archives: pinned, fetched once, laid out as Kafka Connect wants them."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from deploy.local import artifacts

LOCK = Path(__file__).with_name("artifacts.lock")
CONNECT, AVRO, DEBEZIUM = "peer-connect", "peer-avro", "peer-plugin"

SERVICE = "META-INF/services/org.apache.kafka.connect.storage.Converter"
AVRO_CONVERTER = "io.apicurio.registry.utils.converter.AvroConverter"


def class_path(say: Callable[[str], None]) -> list[Path]:
    """The worker's jars: the broker's own and what Connect needs beside them."""
    return [*artifacts.fetch("kafka", say), *artifacts.fetch(CONNECT, say, LOCK)]


def plugin_path(say: Callable[[str], None]) -> Path:
    """A folder with one folder per plugin, made once per lock file and user."""
    name = sha256(LOCK.read_bytes() + AVRO_CONVERTER.encode()).hexdigest()[:16]
    folder = artifacts.cache_folder() / "peer-plugins" / name
    if folder.exists():
        return folder
    fresh = folder.with_name(f"{name}.{os.getpid()}")
    converter = fresh / "avro-converter"
    converter.mkdir(parents=True)
    for jar in artifacts.fetch(AVRO, say, LOCK):
        shutil.copy2(jar, converter)
    # The converter brings no service file; Connect's own sync-manifests command would add the same one.
    with zipfile.ZipFile(converter / "manifest.jar", "w") as manifest:
        manifest.writestr(SERVICE, f"{AVRO_CONVERTER}\n")
    for archive in artifacts.fetch(DEBEZIUM, say, LOCK):
        with tarfile.open(archive) as tar:
            tar.extractall(fresh, filter="data")
    try:
        os.replace(fresh, folder)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)
    return folder
