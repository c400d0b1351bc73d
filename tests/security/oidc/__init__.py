"""An issuer of tokens under node: npm's oidc-provider, with its packages fetched once by npm."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "build" / "oidc"
NPM = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def installed() -> Path:
    """The folder of the programs and the packages that they are pinned to."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not run here: the token issuer lacks {' and '.join(missing)} (nodejs, npm)")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        pins, stamp = (HERE / "package-lock.json").read_bytes(), FOLDER / "installed"
        for file in (*HERE.glob("*.json"), *HERE.glob("*.mjs")):
            shutil.copy(file, FOLDER)
        if not stamp.is_file() or stamp.read_bytes() != pins:
            subprocess.run(NPM, cwd=FOLDER, check=True, timeout=300, stdout=subprocess.DEVNULL)
            stamp.write_bytes(pins)
    return FOLDER
