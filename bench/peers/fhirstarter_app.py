"""fhirstarter (PyPI), a framework for FHIR servers on FastAPI and fhir.resources: its read of a Task.

It pins an older FastAPI, so it runs in an environment of its own, and this file imports nothing of the project:
TASKS=file.jsonl FHIR_SEQUENCE=R4B uvicorn --app-dir bench/peers fhirstarter_app:app. The Tasks are looked up in memory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from fhir.resources.R4B.task import Task
from fhirstarter import FHIRProvider, FHIRStarter, InteractionContext
from fhirstarter.exceptions import FHIRResourceNotFoundError

TASKS = {body["id"]: body for body in map(json.loads, Path(os.environ["TASKS"]).read_text("utf-8").splitlines())}
app = FHIRStarter()
provider = FHIRProvider()


@provider.read(Task)
async def read(context: InteractionContext, id_: str) -> Task:  # noqa: ARG001 the framework's own arguments
    if id_ not in TASKS:
        raise FHIRResourceNotFoundError
    return Task(**TASKS[id_])


app.add_providers(provider)
