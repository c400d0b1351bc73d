"""`stafett translate`: one message in, a Bundle out, and exit codes that scripts can rely on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from adapter.cli import main
from tests.house.processes import STAFETT, clean_environment

EXAMPLE = "openapi/examples/adult-depression-anxiety.xml"
EXAMPLES = sorted(p.name for p in Path(__file__).parents[2].glob("openapi/examples/*.xml"))
UNREAD = ("doctype.xml", "not-well-formed.xml")
REFUSED = sorted(p.name for p in Path(__file__).parents[2].glob("openapi/examples/bad/*.xml") if p.name not in UNREAD)


class Stafett:
    """Runs the command line in this process: exit code, stdout, stderr."""

    def __init__(self, capture: pytest.CaptureFixture[bytes]) -> None:
        self.capture = capture

    def __call__(self, *words: str | Path) -> tuple[int, bytes, str]:
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = self.capture.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, out, err.decode()


@pytest.fixture
def stafett(capsysbinary: pytest.CaptureFixture[bytes]) -> Stafett:
    return Stafett(capsysbinary)


@pytest.fixture
def example(root: Path) -> Path:
    return root / EXAMPLE


def types(bundle: bytes) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in json.loads(bundle)["entry"]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_becomes_a_transaction_on_one_line(stafett: Stafett, root: Path, name: str) -> None:
    code, out, err = stafett("translate", root / "openapi/examples" / name)

    bundle = json.loads(out)
    assert (code, err, out.count(b"\n"), bundle["resourceType"], bundle["type"]) == (0, "", 1, "Bundle", "transaction")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_read_and_refused_ends_with_2_and_its_receipt(stafett: Stafett, root: Path, tmp_path: Path, name: str) -> None:
    code, out, _ = stafett("translate", root / "openapi/examples/bad" / name, "--apprec", tmp_path / "apprec.xml")

    assert (code, etree.QName(etree.fromstring(out)).localname) == (2, "AppRec")
    assert out == (tmp_path / "apprec.xml").read_bytes().rstrip(b"\n") + b"\n"


@pytest.mark.parametrize("name", UNREAD)
def test_a_bad_example_that_is_no_message_ends_with_3(stafett: Stafett, root: Path, name: str) -> None:
    assert stafett("translate", root / "openapi/examples/bad" / name)[:2] == (3, b"")


def test_the_same_message_gives_the_same_bytes(stafett: Stafett, example: Path) -> None:
    assert stafett("translate", example) == stafett("translate", example)


def test_a_pathway_is_opened_only_where_one_is_asked_for(stafett: Stafett, example: Path) -> None:
    without, with_one = stafett("translate", example)[1], stafett("translate", "--pathway", "D11", example)[1]

    assert types(with_one) - types(without) == {"EpisodeOfCare", "CarePlan"}


def test_the_rules_are_those_of_the_date_received_unless_told(stafett: Stafett, example: Path) -> None:
    early = ("translate", "--received", "2020-05-11T10:00:00+02:00", example, "--pathway", "D07")

    assert [stafett(*early)[0], stafett(*early, "--rule-set", "2019")[0]] == [0, 0]


def test_a_pathway_that_the_rules_lack_is_wrong_usage(stafett: Stafett, example: Path) -> None:
    code, out, err = stafett("translate", "--pathway", "D07", "--rule-set", "2025", example)

    assert (code, out) == (1, b"")
    assert "D07" in err


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_message_made_at_the_calendars_end_is_taken_as_received_now(
    stafett: Stafett, example: Path, tmp_path: Path, time: str
) -> None:
    odd = tmp_path / "odd.xml"
    odd.write_text(re.sub("<GenDate>[^<]*", f"<GenDate>{time}", example.read_text("utf-8")), "utf-8")

    code, out, err = stafett("translate", "--pathway", "D11", odd)

    assert (code, err, {"EpisodeOfCare", "Task"} <= types(out)) == (0, "", True)


def test_the_receipt_is_written_beside_the_bundle(stafett: Stafett, example: Path, tmp_path: Path) -> None:
    code, _, _ = stafett("translate", example, "--apprec", tmp_path / "apprec.xml")

    receipt = etree.parse(tmp_path / "apprec.xml").getroot()
    status = receipt.find("{*}Status")
    assert status is not None
    assert (code, etree.QName(receipt).localname, status.get("V")) == (0, "AppRec", "1")


@pytest.mark.parametrize("words", [("--explain", "FILE"), ("FILE", "--explain"), ("--explain=json", "FILE")])
def test_an_explanation_comes_instead_of_the_bundle(stafett: Stafett, example: Path, words: tuple[str, ...]) -> None:
    code, out, err = stafett("translate", *(example if w == "FILE" else w for w in words))

    explanation = json.loads(out)
    assert (code, err, out.count(b"\n"), sorted(explanation)) == (0, "", 1, ["elements", "nodes"])
    assert {tuple(sorted(e)) for e in explanation["elements"]} == {("line", "map", "path", "raw", "xpath")}
    assert {tuple(sorted(n)) for n in explanation["nodes"]} == {("elements", "fate", "line", "reason", "xpath")}


def test_an_explanation_for_people_has_a_line_for_each_node(stafett: Stafett, example: Path) -> None:
    nodes = json.loads(stafett("translate", "--explain", example)[1])["nodes"]
    code, out, _ = stafett("translate", "--explain=text", example)

    assert (code, out.count(b"\n")) == (0, len(nodes))
    assert nodes[0]["xpath"].encode() in out.splitlines()[0]


def test_the_bundle_may_be_printed_as_xml(stafett: Stafett, example: Path) -> None:
    code, out, _ = stafett("translate", "--fhir-xml", example)

    bundle = etree.fromstring(out)
    entries = json.loads(stafett("translate", example)[1])["entry"]
    assert (code, bundle.tag, len(bundle.findall("{*}entry"))) == (0, "{http://hl7.org/fhir}Bundle", len(entries))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<MsgHead>",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><MsgHead>&x;</MsgHead>',
        b"<Unknown/>",
        b'<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"/>',
    ],
)
def test_no_message_that_we_read_ends_with_3_and_the_reason(stafett: Stafett, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "message.xml").write_bytes(content)

    code, out, err = stafett("translate", tmp_path / "message.xml", "--apprec", tmp_path / "apprec.xml")

    assert (code, out, (tmp_path / "apprec.xml").exists()) == (3, b"", False)
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err


def test_a_file_over_the_limit_ends_with_3_and_is_not_read_to_its_end(stafett: Stafett, tmp_path: Path) -> None:
    endless = tmp_path / "endless.xml"
    with endless.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing: reading it whole would not end

    assert stafett("translate", endless)[:2] == (3, b"")


def test_a_file_that_cannot_be_opened_ends_with_1(stafett: Stafett, tmp_path: Path) -> None:
    assert [stafett("translate", tmp_path / "gone.xml")[:2], stafett("translate", tmp_path)[:2]] == [(1, b""), (1, b"")]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("translate",),
        ("translate", "--colour", EXAMPLE),
        ("translate", EXAMPLE, "another.xml"),
        ("translate", "--rule-set", "2020", EXAMPLE),
        ("translate", "--received", "yesterday", EXAMPLE),
        ("translate", "--received", "0001-01-01T00:00:00+14:00", EXAMPLE),
        ("translate", "--received", "9999-12-31T23:00:00-12:00", EXAMPLE),
        ("translate", "--pathway", "D99", EXAMPLE),
        ("translate", "--explain=colour", EXAMPLE),
        ("serve", "--roles", "cook"),
        ("serve", "--port", "zero"),
        ("unknown",),
    ],
)
def test_wrong_usage_ends_with_1_since_2_means_refused(stafett: Stafett, words: tuple[str, ...]) -> None:
    code, _, err = stafett(*words)

    assert code == 1
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_reader_that_leaves_early_gets_no_traceback(example: Path, tmp_path: Path) -> None:
    piped = f"'{STAFETT}' translate --explain=text '{example}' | head -c 1"
    done = subprocess.run(
        ["/bin/sh", "-c", piped], cwd=tmp_path, env=clean_environment(), capture_output=True, timeout=60, check=True
    )

    assert (len(done.stdout), done.stderr, list(tmp_path.iterdir())) == (1, b"", [])
