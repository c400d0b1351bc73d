"""`stafett partner check`: what is well and what is not between us and another FHIR server, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.partners.checks import Seen

FAILED: Final = 1
NO_SUCH: Final = 2
LIGHTS: Final = {"green": ("●", "green"), "yellow": ("▲", "yellow"), "red": ("✗", "red"), "not-tried": ("·", "dim")}

partner = typer.Typer(name="partner", help="Other FHIR servers that assignments are shared with.", no_args_is_help=True)


@partner.callback()
def _partner() -> None:
    pass  # so that `check` is a command of its own, beside those to come


@partner.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the partner in the configuration.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Also create an assignment there, of a synthetic patient and entered-in-error. For tests."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Try everything that assignments need of a partner, and say what to do about what is not green.

    Nothing is left there unless --write is given. Exits: 0 nothing is red; 1 something is; 2 there is no such partner.
    """
    from adapter.partners.check import examine
    from adapter.settings import load

    try:
        settings = load(config)
    except Problem as fault:
        _tell(fault)
        raise typer.Exit(FAILED) from None
    found = next((one for one in settings.partner if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in settings.partner) or "–"
        print(f"No [[partner]] is called {name[:64]!r}. There are: {names}", file=sys.stderr)
        print(f"  Ingen [[partner]] heter {name[:64]!r}. Disse finnes: {names}", file=sys.stderr)
        raise typer.Exit(NO_SUCH)
    seen = examine(found, organisations=settings.organisation, public_base=settings.public_base, write=write)
    if as_json:
        _print_json(name, seen)
    else:
        _print_table(f"{name}  {found.base_url}", seen)
    raise typer.Exit(FAILED if any(one.light == "red" for one in seen) else 0)


def _tell(fault: Problem) -> None:
    for f in fault.findings:
        print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)


def _print_json(name: str, seen: Sequence[Seen]) -> None:
    import msgspec

    rows: list[dict[str, Any]] = [
        {"check": s.check, "light": s.light, "en": s.en, "nb": s.nb} | ({"do": {"en": s.do_en, "nb": s.do_nb}} if s.do_en else {})
        for s in seen
    ]
    print(msgspec.json.format(msgspec.json.encode({"partner": name, "checks": rows})).decode())


def _print_table(title: str, seen: Sequence[Seen]) -> None:
    """A row for each check: its light, its name, what was seen and what to do; Norwegian under English."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from adapter.partners.checks import CHECKS

    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for s in seen:
        mark, style = LIGHTS[s.light]
        en, nb = CHECKS[s.check]
        told = Text(s.en) + (Text(f" ({s.nb})" if s.nb != s.en else "", "dim"))
        if s.do_en:
            told += Text(f"\n→ {s.do_en}", style) + Text(f"\n  {s.do_nb}", "dim")
        table.add_row(
            Text(mark, style),
            Text(en, "bold" if s.light in ("yellow", "red") else "") + Text(f"\n{nb}" if s.do_en else "", "dim"),
            told,
        )
    counts = {light: sum(s.light == light for s in seen) for light in LIGHTS}
    words = (
        ("green", "green / grønt"),
        ("yellow", "yellow / gult"),
        ("red", "red / rødt"),
        ("not-tried", "not tried / ikke prøvd"),
    )
    console = Console(width=None if sys.stdout.isatty() else 132)
    console.print(table)
    console.print()
    console.print(Text(", ").join(Text(f"{counts[light]} {word}", LIGHTS[light][1]) for light, word in words if counts[light]))
