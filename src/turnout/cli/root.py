"""The commands, put together. Modules of the engine are imported when a command needs them, not before."""

from __future__ import annotations

import importlib.util
import sys
from typing import Annotated

import typer

from turnout import __version__
from turnout.cli import exits, privacy, registry, upkeep
from turnout.cli.backup import backup, restore
from turnout.cli.charts import chart
from turnout.cli.deadletters import deadletters
from turnout.cli.demo import demo
from turnout.cli.downloads import export, recipients
from turnout.cli.hooks import hooks
from turnout.cli.importing import import_
from turnout.cli.links import links
from turnout.cli.moving import migrate_store
from turnout.cli.reclassify import reclassify
from turnout.cli.report import report, reports
from turnout.cli.serve import serve
from turnout.cli.stats import stats
from turnout.cli.workspaces import workspaces

_EPILOG = "Exit codes: " + "; ".join(f"{code} {words}" for code, words in exits.MEANINGS.items()) + "."

application = typer.Typer(
    name="turnout",
    help="Self-hosted campaign statistics: events go in, exact statistics come out.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"turnout {__version__}")
        raise typer.Exit


@application.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


application.command("serve")(serve)
application.command("import")(import_)
application.command("stats")(stats)
application.command("chart")(chart)
application.command("report")(report)
application.command("recipients")(recipients)
application.command("erase")(privacy.erase)
application.add_typer(privacy.retention, name="retention")
application.add_typer(export, name="export")
application.add_typer(registry.campaigns, name="campaigns")
application.add_typer(registry.keys, name="keys")
application.add_typer(workspaces, name="workspaces")
application.add_typer(links, name="links")
application.add_typer(hooks, name="hooks")
application.add_typer(deadletters, name="deadletters")
application.add_typer(reports, name="reports")
application.command("metrics")(upkeep.metrics)
application.command("check")(upkeep.check)
application.command("rebuild")(upkeep.rebuild)
application.command("reclassify")(reclassify)
application.command("backup")(backup)
application.command("restore")(restore)
application.command("migrate-store")(migrate_store)
application.command("demo")(demo)
if importlib.util.find_spec("turnout.bench.command") is not None:
    application.command("bench")(importlib.import_module("turnout.bench.command").bench)


def main() -> None:
    """The entry point: run the command line and exit with its code."""
    sys.exit(exits.run(lambda: application(prog_name="turnout", standalone_mode=False)))
