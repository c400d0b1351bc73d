"""Reads the data files of this package, once. The only I/O in `mappings`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


@cache
def json_file(folder: str, name: str) -> Any:
    """A JSON file of `mappings/<folder>`, decoded. The result is shared: never change it."""
    return msgspec.json.decode(files("mappings").joinpath(folder, name).read_bytes())


@cache
def toml_file(folder: str, name: str) -> tuple[dict[str, Any], str]:
    """A TOML file of `mappings/<folder>`, decoded, and its text. The result is shared: never change it."""
    text = files("mappings").joinpath(folder, name).read_text("utf-8")
    return tomllib.loads(text), text


@cache
def names(folder: str, ending: str) -> tuple[str, ...]:
    """The names of the files in `mappings/<folder>` that end so, sorted."""
    return tuple(sorted(entry.name for entry in files("mappings").joinpath(folder).iterdir() if entry.name.endswith(ending)))
