"""The service starts only where it may and can, and says what to do where not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from adapter.cli import main


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    with pytest.raises(SystemExit) as end:
        main(["serve", *words])
    assert end.value.code == 1
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "stafett.example"])
def test_without_authentication_it_listens_on_loopback_only(capsys: pytest.CaptureFixture[str], host: str) -> None:
    assert refused(capsys, "--host", host) == [
        f'auth = "off" is for loopback only: --host {host} would let anyone in. Use --host 127.0.0.1',
        f'  auth = "off" er bare for egen maskin: --host {host} ville slippe inn alle. Bruk --host 127.0.0.1',
    ]
    assert list(Path().iterdir()) == []


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused(capsys, "--port", str(port))

    assert told[0] == f"cannot listen on 127.0.0.1:{port} (Address already in use): end what uses it, or choose another --port"


def test_a_faulty_configuration_is_told_with_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("stafett.toml").write_text("\ncolour = 1\n", "utf-8")

    assert refused(capsys) == [
        "stafett.toml:2: colour: no such key: see docs/configuration.md for its spelling, or remove it",
        "  colour: ukjent nøkkel: se docs/configuration.md, eller fjern den",
    ]
