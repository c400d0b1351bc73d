"""The image: nothing in it but the program, run by a user who owns none of it (ASVS 5.0 13.2.2, 13.4.1, 15.2.3)."""

from __future__ import annotations

import re
from pathlib import Path

PROGRAM = {"pyproject.toml", "README.md", "LICENSE", "locks", "adapter", "mappings", "openapi", "profiles"}


def stages(root: Path) -> list[list[tuple[str, str]]]:
    """Each stage of the Dockerfile: its instructions, with their arguments on one line."""
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]
    begins = [place for place, line in enumerate(lines) if line[0] == "FROM"]
    return [[(word, rest) for word, rest in lines[at:end]] for at, end in zip(begins, [*begins[1:], len(lines)], strict=True)]


def test_the_service_runs_as_a_user_without_rights_who_owns_nothing_of_the_program(root: Path) -> None:
    last = stages(root)[-1]
    users = [rest for word, rest in last if word == "USER"]

    assert len(users) == 1
    assert int(users[0]) >= 1000
    assert [rest for word, rest in last if word == "COPY" and "--chown" in rest] == []
    assert [word for word, _ in last].index("USER") < [word for word, _ in last].index("ENTRYPOINT")


def test_the_image_holds_the_program_and_no_history_tests_or_secrets(root: Path) -> None:
    *before, last = stages(root)
    taken = {source for stage in before for word, rest in stage if word in ("COPY", "ADD") for source in rest.split()[:-1]}

    assert taken <= PROGRAM
    assert [rest for word, rest in last if word in ("COPY", "ADD")] == ["--from=build /opt/stafett /opt/stafett"]
    assert "pip uninstall --yes pip setuptools" in next(rest for word, rest in before[0][::-1] if word == "RUN")
    assert [
        rest for stage in [*before, last] for word, rest in stage if word == "ARG"
    ] == []  # what an image was built with stays in it


def test_the_container_writes_to_its_data_alone(root: Path) -> None:
    compose = (root / "compose.yaml").read_text("utf-8")

    assert re.search(r"^    read_only: true$", compose, re.MULTILINE)
    assert re.search(r"stafett\.toml:ro$", compose, re.MULTILINE)
    assert "privileged" not in compose
    assert "cap_add" not in compose
