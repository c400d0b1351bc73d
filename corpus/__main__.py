"""`python -m corpus FOLDER`: every case as a plain file, `defects/*.json` and `valid/*.json`, and `manifest.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from corpus import cases


def write(folder: Path) -> int:
    """Writes the files and says how many cases there are."""
    manifest = []
    for case in cases():
        path = folder / ("defects" if case.expected == "defect" else "valid") / f"{case.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.data)
        row = {
            "file": str(path.relative_to(folder)),
            "type": case.type,
            "expected": case.expected,
            "kind": case.kind,
            "at": case.at,
        }
        manifest.append(row | {"about": case.about, "rule": case.rule, "note": case.note})
    folder.joinpath("manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return len(manifest)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(f"{write(Path(sys.argv[1]))} cases in {sys.argv[1]}")  # noqa: T201
