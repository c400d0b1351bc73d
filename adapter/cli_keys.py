"""`stafett keys public`: the public halves of our keys, as a token issuer wants them registered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from adapter.domain.problem import Problem

keys = typer.Typer(name="keys", help="The keys that prove to hubs and partners who we are.", no_args_is_help=True)


@keys.callback()
def _keys() -> None:
    pass  # so that `public` is a command of its own, beside those to come


@keys.command()
def public(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the hub or partner in the configuration, or login.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
) -> None:
    """Print the JWK Set to register at the issuer: nothing of it is secret. Exits: 1 the keys cannot be read; 2 no such name."""
    import msgspec

    from adapter.security.keys import clients, keys_of, public_set
    from adapter.settings import load

    try:
        with_keys = clients(load(config))
        if name not in with_keys:
            there = ", ".join(with_keys) or "–"
            print(f"Nothing with keys is called {name[:64]!r}. There are: {there}", file=sys.stderr)
            print(f"  Ingenting med nøkler heter {name[:64]!r}. Disse finnes: {there}", file=sys.stderr)
            raise typer.Exit(2)
        print(msgspec.json.format(msgspec.json.encode(public_set(keys_of(with_keys[name])))).decode())
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(1) from None
