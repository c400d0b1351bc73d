"""Our snapshots against those that the official validator makes of the same differentials, element by element.

SUSHI makes ours. Both walk the differential over what R4 says; what they may differ in is said in `explained`, with the reason.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from adapter.console.published import definitions, snapshot
from tests.official import NOWHERE, QUICK, home, official
from tests.package import ROOT

__all__ = ["official"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
SPELT_OUT = {
    "StructureDefinition-pathway": ("EpisodeOfCare.extension:phase.", "EpisodeOfCare.extension:rule-version."),
    "StructureDefinition-pathway-plan": ("CarePlan.extension:episode.", "CarePlan.extension:rule-version."),
}
"""Below mandatory extensions ours has the extension's own elements, for tools that know one by its `url` alone."""
JUDGED = ("path", "sliceName", "min", "max", "base", "slicing", "isModifier", "mustSupport")


@pytest.fixture(scope="module")
def theirs(official: object, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Name -> the elements of the validator's own snapshot."""
    folder = tmp_path_factory.mktemp("snapshots")
    names = [path.stem for path in (ROOT / "profiles").glob("StructureDefinition-*.json")]
    for name in names:
        (folder / f"{name}.json").write_text((ROOT / "profiles" / f"{name}.json").read_text("utf-8"), "utf-8")
    (folder / "ig").mkdir()
    for path in (ROOT / "profiles").glob("*.json"):
        (folder / "ig" / path.name).write_text(path.read_text("utf-8"), "utf-8")
    java = ["java", *QUICK, *NOWHERE, f"-Duser.home={home()}", f"-Djava.io.tmpdir={folder}", "-cp", f"{home() / 'lib'}/*"]
    files = [f"{name}.json" for name in names]
    command = ["org.hl7.fhir.validation.ValidatorCli", "-snapshot", *files, "-version", "4.0.1", "-tx", "n/a", "-ig", "ig"]
    done = subprocess.run([*java, *command, "-outputSuffix", "snap.json"], cwd=folder, capture_output=True, text=True, check=False)
    made = {name: folder / f"{name}.json.snap.json" for name in names}
    assert all(path.is_file() for path in made.values()), done.stdout[-3000:]
    return {name: json.loads(path.read_text("utf-8"))["snapshot"]["element"] for name, path in made.items()}


def ours(name: str) -> list[Any]:
    """Our elements, but for those that are explained."""
    return [element for element in snapshot(name) if not element["id"].startswith(SPELT_OUT.get(name, "-"))]


def explained(element: Any) -> dict[str, Any]:
    """What judges a resource, in one form.

    Of a type's extensions none counts: R4's errata let `Resource.id` be an `id` where 4.0.1 itself says `string`.
    Of a binding the strength and the value set count, of a rule its key and what it says, wherever it came from.
    A `contentReference` may be whole or begin with #: R5's tools write it whole.
    """
    said = {key: element[key] for key in JUDGED if element.get(key) not in (None, False)}
    said["slicing"] = {k: v for k, v in element.get("slicing", {}).items() if k in ("discriminator", "rules")}
    said["types"] = [{k: v for k, v in one.items() if k != "extension"} for one in element.get("type", ())]
    said["as"] = element.get("contentReference", "").rpartition("#")[2]
    binding = element.get("binding", {})
    said["binding"] = [binding.get("strength"), binding.get("valueSet")]
    said["rules"] = {rule["key"]: rule["expression"] for rule in element.get("constraint", ())}
    return said | {key: value for key, value in element.items() if key.startswith(("fixed", "pattern", "minValue", "maxValue"))}


def test_each_has_the_same_elements_in_the_same_order(theirs: dict[str, list[Any]]) -> None:
    named = {name for name, one in definitions().items() if one["resourceType"] == "StructureDefinition"}

    assert set(theirs) == named
    assert {name for name in named if [e["id"] for e in ours(name)] != [e["id"] for e in theirs[name]]} == set()


def test_each_element_asks_for_the_same(theirs: dict[str, list[Any]]) -> None:
    differences = [
        (name, one["id"], key, explained(one).get(key), explained(other).get(key))
        for name, elements in theirs.items()
        for one, other in zip(ours(name), elements, strict=True)
        for key in explained(one).keys() | explained(other).keys()
        if explained(one).get(key) != explained(other).get(key)
    ]

    assert differences == []


def test_what_is_spelt_out_below_an_extension_is_what_the_extension_itself_says() -> None:
    for name, starts in SPELT_OUT.items():
        elements = {element["id"]: element for element in snapshot(name)}
        for start in starts:
            profile = elements[start.rstrip(".")]["type"][0]["profile"][0]
            assert elements[f"{start}url"]["fixedUri"] == profile
