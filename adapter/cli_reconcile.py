"""`stafett reconcile`: after a restore, what is missing here that was received, and what need not be sent again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapter.domain.problem import Problem

if TYPE_CHECKING:
    from adapter.reconciling import Gap, Report
    from adapter.settings import Settings

FAILED: Final = 1


def reconcile(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else stafett.toml, where there is one.")
    ] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The service's log from before the copy was made until the loss; may be repeated."),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Take in again what is missing and a hub still has.")] = False,
) -> None:
    """After a backup is restored, and before the service starts: name what was received since the backup and is here no more.

    What waits here and was sent since is not sent again, and all that is shared with partners is compared at the next look.
    Exits: 0 no message is missing any more; 1 one is. What clients wrote since is lost, and named with either. It may be run again.
    """
    from adapter.settings import load

    try:
        report = _run(load(config), log or [], fetch)
    except Problem as fault:
        for f in fault.findings:
            print(f"{f.where}: {f.en}" if f.where else f.en, f"  {f.nb}", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    except OSError as fault:
        en = f"{fault.filename}: {fault.strerror}: check its name and rights"
        print(en, "  kontroller navn og rettigheter", sep="\n", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    for gap in report.gaps:
        print(_line(gap))
    missing = sum(not gap.taken for gap in report.gaps)
    for what, count in sorted(report.written.items()):
        print(f"written by clients since, and lost / skrevet av klienter siden, og tapt: {count} × {what}")
    print(
        f"newest message of the copy / kopiens nyeste melding {report.since.isoformat()}; {missing} missing / mangler, "
        f"{len(report.gaps) - missing} taken in / hentet, {report.sent} sent before / sendt før",
        file=sys.stderr,
    )
    raise typer.Exit(FAILED if missing else 0)


def _run(settings: Settings, logs: list[Path], fetch: bool) -> Report:
    from itertools import chain

    import structlog

    from adapter.reconciling import reconcile
    from adapter.storage.restored import undisturbed
    from adapter.usecases.reconcile import read_log
    from adapter.wiring import build

    opened = [path.open("rb") for path in logs]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what is found goes to stdout
    services = build(settings)
    try:
        witness = read_log(chain.from_iterable(opened))
        with undisturbed(settings.store.url, "store"):
            return reconcile(services, [partner.name for partner in settings.partner], witness, datetime.now(UTC), fetch=fetch)
    finally:
        services.close()
        for file in opened:
            file.close()


def _line(gap: Gap) -> str:
    told = gap.given
    state = "taken in / hentet" if gap.taken else gap.why or "missing / mangler"
    return f"{told.received.isoformat()}  {told.hub}  {told.hub_id}  {state}"
