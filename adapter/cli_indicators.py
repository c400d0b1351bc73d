"""`stafett indicators`: the quality indicators of an installation, as a table, as CSV, or as FHIR."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.domain.indicators import Cell
    from adapter.domain.ruleset import Indicator
    from adapter.settings import Settings
    from adapter.usecases.count_indicators import Counted

FAILED: Final = 1
COLUMNS: Final = (
    *("indicator", "level", "region", "organisation", "unit", "name"),
    *("numerator", "denominator", "percent", "target", "postponed_by_patient", "hidden"),
)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date like 2026-01-31 is needed") from None


def indicators(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
    since: Annotated[date | None, typer.Option("--from", metavar="DATE", help="First day of the period.", parser=_day)] = None,
    until: Annotated[date | None, typer.Option("--to", metavar="DATE", help="Last day of the period.", parser=_day)] = None,
    by: Annotated[Literal["unit", "organisation", "region"], typer.Option(help="What the figures are told for.")] = "organisation",
    format: Annotated[
        Literal["table", "csv", "fhir"], typer.Option(help="A table, CSV, or a Bundle of MeasureReport resources.")
    ] = "table",
) -> None:
    """Count the quality indicators of the pathways that are stored, by the national time limits.

    A time limit belongs to the period in which it runs out, other figures to that in which the pathway began. A figure that few
    patients are behind is hidden (denominator below 5, numerator 1 to 4), and so is one that it could be worked out from.
    """
    if since and until and since > until:
        raise typer.BadParameter("--from is later than --to")
    try:
        _print(by, format, since, until, config)
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None


def _print(
    by: Literal["unit", "organisation", "region"], format: str, since: date | None, until: date | None, config: Path | None
) -> None:
    from adapter.settings import load
    from mappings.resources.measure import known as of_the_rules
    from mappings.resources.measure import title
    from mappings.times import local_day

    now = datetime.now(UTC)
    today = local_day(now)
    counted = _counted(load(config), today, since, until)
    cells, known = counted.tally.cells(by), of_the_rules()
    if counted.unread:
        print(f"{counted.unread} pathways have rules that are not known here, and were left out", file=sys.stderr)
    if format == "csv":
        _csv(by, cells, known)
    elif format == "table":
        _table(by, cells, known, counted)
    else:
        from adapter.r4 import json
        from mappings.resources.measure_report import Heading, bundle

        tally = counted.tally
        last = until or max(tally.last or today, since or today)
        heading = Heading(since or min(tally.first or last, last), last, by, now, counted.unread)
        names = {id: title(one) for id, one in known.items()}
        sys.stdout.buffer.write(json.encode(bundle(heading, names, cells, tally.unknown)) + b"\n")


def _counted(settings: Settings, today: date, since: date | None, until: date | None) -> Counted:
    from rich.console import Console
    from rich.progress import Progress

    from adapter.stored import opened
    from adapter.usecases.count_indicators import Owner, count, total
    from adapter.usecases.pathways import Pathways
    from mappings.rules import national

    owners = [Owner(one.number, one.name, one.region) for one in settings.organisation]
    pathways, screen = Pathways(national(), settings.working_days), Console(stderr=True)
    with opened(settings) as store, Progress(console=screen, disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("Pathways", total=total(store, owners))
        return count(store, pathways, owners, today, since=since, until=until, looked=lambda more: progress.advance(bar, more))


def _csv(by: str, cells: Sequence[Cell], known: Mapping[str, Indicator]) -> None:
    import csv

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    for cell in cells:
        place = (*cell.path, "", "", "")[:3]
        name = cell.names[-1] if cell.names else ""
        figures = (cell.numerator, cell.denominator, None if cell.percent is None else f"{cell.percent:.1f}")
        target = known[cell.indicator].target
        hidden = "yes" if cell.denominator is None else "no"
        out.writerow(
            [
                cell.indicator,
                by if cell.path else "all",
                *map(_plain, (*place, name)),
                *figures,
                target,
                cell.patient_caused,
                hidden,
            ]
        )


def _plain(text: str) -> str:
    """A name came from outside: it must be no formula to a spreadsheet, nor a command to a terminal."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def _table(by: str, cells: Sequence[Cell], known: Mapping[str, Indicator], counted: Counted) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for id, one in known.items():
        title = Text(f"{one.nb}\n{one.en}")
        table = Table(by, "count", "of", "%", "postponed by patient", title=title, title_justify="left", min_width=70)
        for cell in (cell for cell in cells if cell.indicator == id):
            name = " / ".join(_plain(said) for said in cell.names if said) or ("-" if cell.path else "all")
            table.add_row(Text(name), *_shown(cell))
        console.print(table)
        for line in _notes(id, one, counted):
            console.print(Text(f"  {line}"), soft_wrap=True)
    console.print(Text("·: hidden, since few patients are behind it, or it would tell of such a figure / skjult"), soft_wrap=True)


def _shown(cell: Cell) -> Iterator[str]:
    for figure in (cell.numerator, cell.denominator):
        yield "·" if figure is None else str(figure)
    yield "·" if cell.percent is None else f"{cell.percent:.1f}"
    yield "·" if cell.patient_caused is None else str(cell.patient_caused)


def _notes(id: str, one: Indicator, counted: Counted) -> Iterator[str]:
    if one.target is not None:
        yield f"target / mål: {one.target} %"
    if unknown := counted.tally.unknown[id]:
        yield f"{unknown} not counted, since their time limit is unknown / ikke regnet med, ukjent frist"
