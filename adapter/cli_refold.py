"""`stafett refold`: work out every pathway anew, or see whether what stands is what its events and answers come to."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.settings import Settings
    from adapter.usecases.refold import Difference

FAILED: Final = 1


def refold(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: name what differs, and end with 1 if anything does.")
    ] = False,
) -> None:
    """Work out every pathway anew from its events and answers, and keep what differs. The service may run meanwhile.

    After a change of rules or mappings this lays them on what is stored.
    """
    from adapter.settings import load

    try:
        differ, faults = _run(load(config), check)
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    what = ("differ / avviker", "were brought up to date / er oppdatert")[not check]
    print(f"{differ} {what}", file=sys.stderr)
    raise typer.Exit(FAILED if faults or (check and differ) else 0)


def _run(settings: Settings, check: bool) -> tuple[int, int]:
    """How many resources differed, and how many pathways could not be worked out."""
    from rich.console import Console
    from rich.progress import Progress

    from adapter.stored import opened
    from adapter.usecases.pathways import Pathways
    from adapter.usecases.refold import refold, total
    from adapter.wiring import fhir_base, installation_key, make_rulebook, make_sharing

    tenants = [organisation.number for organisation in settings.organisation]
    pathways, now = Pathways(make_rulebook(settings), settings.working_days, base=fhir_base(settings)), datetime.now(UTC)
    counts = [0, 0]
    screen = Console(stderr=True)
    with opened(settings) as store, Progress(console=screen, disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("Pathways / forløp", total=total(store, tenants))
        sharing = None if check else make_sharing(settings, installation_key(store))
        looked = partial(progress.advance, bar)
        for one in refold(store, tenants, pathways, now, sharing=sharing, check=check, looked=looked):
            counts[one.fault is not None] += 1
            print(_line(one))
    return counts[0], counts[1]


def _line(one: Difference) -> str:
    """Type, id and elements: no value, for it may tell of a person."""
    if one.fault:
        return f"{one.type}/{one.id}: {one.fault.en} ({one.fault.nb})"
    return f"{one.type}/{one.id}: {', '.join(one.elements) or 'missing'}"
