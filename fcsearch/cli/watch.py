"""`fcsearch watch`: the progress of a search that another process runs."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fcsearch.cli.runs_folder import runs_folder

if TYPE_CHECKING:
    from fcsearch.results import RunDirectory
    from fcsearch.search.loop.view import View


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option(
    "--every",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--verbose", is_flag=True, help="Also show a line for every trial.")
def watch(run: str | None, root: Path | str, every: float, verbose: bool) -> None:
    """Show the progress of a search that another process runs, here or on another machine that shares the folder.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. Only its files are
    read. The command ends when the search does; Ctrl-C stops watching, and the search continues.

    \b
    Example:
      fcsearch watch
      fcsearch watch runs/full --verbose
    """
    from fcsearch.cli.live import open_view
    from fcsearch.cli.searching import varying
    from fcsearch.results import RunDirectory, remote, resolve_run

    directory = RunDirectory.open(resolve_run(run, root))
    left = False
    with open_view(parameters=varying(directory.space()), quiet=False, verbose=verbose) as view:
        try:
            _follow(directory, view, every)
        except KeyboardInterrupt:
            left = True
    where = remote.address(directory.path)
    if left:
        click.echo(f"stopped watching; the search of {where} continues", err=True)
        return
    click.echo(f"{where}: {directory.state()}; `fcsearch report {where}` shows what it found")


def _follow(run: RunDirectory, view: View, every: float) -> None:
    from fcsearch.errors import RunError
    from fcsearch.results import remote
    from fcsearch.search.loop.from_files import Watched

    watched = Watched(run)
    where = remote.address(run.path)
    if remote.is_url(where):
        # As often as it is sent, there is nothing new more often.
        every = max(every, remote.ROUND_SECONDS)
    view.started({"run": where})
    try:
        while watched.going():
            # A search that was just resumed may be moving a part aside: the next look finds it again, or gone.
            with contextlib.suppress(RunError):
                if remote.is_url(where):
                    remote.fetch(where, light=True)
                view.recorded(watched.look())
                view.update(watched.status())
            time.sleep(every)
        view.recorded(watched.look())
    finally:
        view.ended(watched.status())
