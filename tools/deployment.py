"""Whether the compose files and the Kubernetes manifests keep to their schemas; nothing is written.

    python tools/deployment.py --check            # all of the project's
    python tools/deployment.py --check FILE…

Kubernetes publishes the schema of each of its kinds (https://kubernetes.io/docs/reference/), which kubernetes-validate carries;
unknown keys are faults. Compose files are read as the Compose Specification has it (https://compose-spec.io) by compose-spec, and
what one part names must be in another. What kind a file is, its folder says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from compose_spec import PyCompose

ROOT = Path(__file__).parent.parent
FILES = (ROOT / "compose.yaml", ROOT / "deploy" / "compose.yaml", *sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml")))
KUBERNETES = "1.34"  # the oldest that is maintained; later ones take the same


def faults(file: Path) -> Iterator[str]:
    """What is wrong in a file, a line each."""
    text = file.read_text("utf-8")
    if file.parent.name != "kubernetes":
        yield from of_compose(text)
        return
    for manifest in yaml.safe_load_all(text):
        name = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        try:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
        except kubernetes_validate.SchemaNotFoundError as fault:
            yield f"{name}: {fault.message}"
        except kubernetes_validate.ValidationError as fault:
            yield f"{name}: {'.'.join(map(str, fault.path))}: {fault.message}"


def of_compose(text: str) -> Iterator[str]:
    try:
        read = PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(text)))  # anchors and merges are YAML's, not its own
        read.validate()
    except ValueError as fault:
        yield str(fault)
        return
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    for name, service in services.items():
        wanted = service.get("depends_on", {})
        yield from (f"{name}: depends_on {other}, which is not there" for other in wanted if other not in services)


def main() -> int:
    named = [Path(word) for word in sys.argv[1:] if word != "--check"]
    found = [f"{file}: {fault}" for file in named or FILES for fault in faults(file)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
