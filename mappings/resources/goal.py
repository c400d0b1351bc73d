"""What the patient has said matters: Goals (https://hl7.org/fhir/R4/goal.html), from the answered Tasks `what-matters-to-you`.

The answer is the Task's outputs that are texts, else its notes; each is a Goal in the patient's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapter.domain.identity import named

Body = dict[str, Any]

KIND: Final = "what-matters-to-you"


def of(episode: Body, tasks: Mapping[str, Body]) -> Iterator[tuple[str, Body]]:
    """The id of each Goal and what is said of it. `tasks` are the pathway's, by key."""
    for key, task in tasks.items():
        if key.rpartition("-")[0] == KIND and task["status"] == "completed":
            for number, text in enumerate(_texts(task), 1):
                yield (
                    named(episode["id"], "goal", key, number),
                    {
                        "lifecycleStatus": "active",
                        "description": {"text": text},
                        "subject": episode["patient"],
                        "expressedBy": episode["patient"],
                    },
                )


def _texts(task: Body) -> list[str]:
    outputs = [output["valueString"] for output in task.get("output", []) if "valueString" in output]
    return outputs or [note["text"] for note in task.get("note", []) if "text" in note]
