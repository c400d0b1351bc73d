"""`stafett timeline`: a pathway on a line of time, in the terminal or as a picture."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapter.domain.problem import Kind, Problem, problem

if TYPE_CHECKING:
    from adapter.usecases.pathways import Gathered

FAILED: Final = 1
STYLES: Final = {
    r"▲ \w+ \w+|△ \w+ \w+ \w+|╳+": "red",
    r"✓ \w+ \w+": "green",
    r"◐ \w+ \w+ \w+": "yellow",
    r"○ I rute": "cyan",
    r"– Falt bort|\? Ukjent frist|┄+": "dim",
    r"┊|I dag": "cyan",
    r"━+": "bold",
}


def timeline(
    pathway: Annotated[str, typer.Argument(metavar="PATHWAY", help="Its id (of its EpisodeOfCare), or a unique beginning of it.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write the picture (SVG) there instead.")] = None,
) -> None:
    """Show a pathway's events, phases and time limits on a line, with today. In Norwegian; it names no person."""
    from mappings.timeline import lines, title_of
    from mappings.timeline import svg as picture
    from mappings.times import local_day

    try:
        found, today = _found(config, pathway), local_day(datetime.now(UTC))
        assert found.state  # noqa: S101 - tells the type checker: what is stored has been folded
        title = title_of(found.rules)
        if svg:
            svg.write_bytes(picture(title, found.course, found.state, today))
        else:
            _print(lines(title, found.course, found.state, today))
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    except OSError as fault:
        print(f"{svg}: {fault.strerror}: check its name and rights", "  kontroller navn og rettigheter", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None


def _found(config: Path | None, start: str) -> Gathered:
    """The one pathway whose id begins so. Raises `Problem` where there is none, or are several."""
    from adapter.settings import load
    from adapter.stored import opened
    from adapter.usecases.pathways import Pathways
    from adapter.usecases.see_pathways import beginning, one
    from adapter.wiring import make_rulebook

    settings = load(config)
    numbers = [organisation.number for organisation in settings.organisation]
    with opened(settings) as store, store.read() as unit:
        ids = set(beginning(unit, numbers, start.lower()))
        if len(ids) > 1:
            raise problem(
                Kind.AMBIGUOUS,
                "Several pathways begin so: give more of the id.",
                "Flere forløp begynner slik: oppgi mer av id-en.",
            )
        return one(Pathways(make_rulebook(settings), settings.working_days), unit, numbers, next(iter(ids), start))


def _print(lines: list[str]) -> None:
    """With colour where the terminal has it; in a file or a pipe as plain text."""
    from rich.console import Console
    from rich.text import Text

    screen = Console(soft_wrap=True)
    for line in lines:
        text = Text(line)
        for words, style in STYLES.items():
            text.highlight_regex(words, style)
        screen.print(text)
