"""FHIR servers as partners, each a process of its own on a free port of loopback; what they are is in their own files here.

    peer = start("medplum", folder)      # skips by name where the machine lacks what it needs
    peer.base_url                        # http://127.0.0.1:41234/fhir
    peer.restart()                       # what it kept is there again
    peer.close()

A server's words are in `FOLDER/NAME.log`. A new server is a new file with `command(folder, port)`, and a line in `COMMANDS`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from tests.house.processes import clean_environment, free_ports, wait_for
from tests.partners.servers import hapi, medplum, ours, sekmet

Command = Callable[[Path, int], Sequence[str | Path]]
COMMANDS: dict[str, Command] = {"sekmet": sekmet.command, "medplum": medplum.command, "hapi": hapi.command, "ours": ours.command}
NAMES = tuple(COMMANDS)
PATIENCE = 180
"""Seconds until a server answers; the slowest takes 15 on a machine that has nothing else to do."""


class Peer:
    """A running server. `base_url` is of its FHIR interface, and stays the same when it is started again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        port = free_ports(1)
        self.base_url = f"http://127.0.0.1:{port}/fhir"
        self._folder, self._command = folder, COMMANDS[name](folder, port)
        self._process = self._started()

    def restart(self) -> None:
        """End it as its operator would, and start it again with what it kept."""
        self.close()
        self._process = self._started()

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(20)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
            )
        try:
            wait_for(self._answers, process, PATIENCE)
        except BaseException:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return process

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/Task", params={"_count": "1"}, timeout=10, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def start(name: str, folder: Path) -> Peer:
    """A server that keeps what it has in the folder."""
    return Peer(name, folder)
