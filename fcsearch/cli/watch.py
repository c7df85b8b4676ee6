"""`fcsearch watch`: the progress of a search that another process runs."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fcsearch.cli.number_types import Number
from fcsearch.cli.shared_options import runs_folder

if TYPE_CHECKING:
    from fcsearch.results import RunDirectory
    from fcsearch.search.loop.from_files import Watched
    from fcsearch.search.loop.view import View

_LOOK_SECONDS = 0.5
# So many of the others are named.
_MOST_NAMES = 8


class Patience(NamedTuple):
    """For how many seconds the command waits.

    Attributes:
        first: For the first run of a folder, which was just started, to appear.
        named: For one whose name may be mistyped.
        session: For `resume` or `confirm` to import its libraries and take up a run that has ended.
    """

    first: float = 60.0
    named: float = 10.0
    session: float = 10.0


PATIENCE = Patience()


@click.command()
@click.argument("run", required=False)
@runs_folder
@click.option(
    "--every",
    type=Number(min=0, min_open=True),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--verbose", is_flag=True, help="Also show a line for every trial.")
def watch(run: str | None, root: Path | str, every: float, verbose: bool, patience: Patience = PATIENCE) -> None:
    """Show the progress of a search that another process runs, here or on another machine that shares the folder.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. Only its files are
    read. A run that was just started is waited for, and so, for 10 seconds, is a session that continues one that was
    interrupted. The command ends when the search does, or at once if it has ended by itself; Ctrl-C stops watching, and
    the search continues.

    \b
    Example:
      fcsearch watch
      fcsearch watch runs/full --verbose
    """
    from fcsearch.cli.console import print_sentence
    from fcsearch.cli.live import open_view
    from fcsearch.cli.searching import varying
    from fcsearch.results import remote
    from fcsearch.search.loop.from_files import Watched

    directory = _awaited(run, root, patience)
    where, watched = remote.address(directory.path), Watched(directory)
    # No session is to be expected of one that ended as planned.
    ended = watched.ended() if watched.complete() else None
    if ended is None:
        with open_view(parameters=varying(directory.space()), quiet=False, verbose=verbose, at_once=True) as view:
            try:
                ended = _follow(watched, where, view, every, patience)
            except KeyboardInterrupt:
                ended = watched.ended()
    if ended is None:
        print_sentence(f"stopped watching; the search of {where} continues", sys.stderr)
        return
    print_sentence(f"{where}: {ended}; `fcsearch report {where}` shows what it found")


def _awaited(name: str | None, root: Path | str, patience: Patience) -> RunDirectory:
    """The run that is meant; one that has just been started is waited for.

    Raises:
        RunError: there is none yet, and none comes.
    """
    from fcsearch.cli.console import print_sentence
    from fcsearch.errors import RunError
    from fcsearch.results import RunDirectory, resolve_run

    seconds, told = patience.first if name is None else patience.named, False
    until = time.monotonic() + seconds
    while True:
        try:
            return RunDirectory.open(resolve_run(name, root))
        except RunError as error:
            if not _may_come(name, root):
                raise
            if time.monotonic() >= until:
                raise RunError(f"{error}. The directory of a search appears once its data are read") from None
        if not told:
            found = f"no run {name}" if name else "no run"
            print_sentence(
                f"{found} yet{_others(name, root)}: a run's directory appears once its data are read; waiting for "
                f"{seconds:.0f} s",
                sys.stderr,
            )
            told = True
        time.sleep(_LOOK_SECONDS)


def _may_come(name: str | None, root: Path | str) -> bool:
    """Whether a run in this machine's folders is not there yet; one that is damaged is not better in a minute."""
    from fcsearch.results import remote, resolve_run

    if not isinstance(root, Path) or (name is not None and remote.is_url(name)):
        return False
    if name is None:
        return root.is_dir()
    path = resolve_run(name, root)
    return path.parent.is_dir() and not path.exists()


def _others(name: str | None, root: Path | str) -> str:
    """The runs that there are beside the one that is not there, the newest first."""
    from fcsearch.results import find_runs, resolve_run

    names = [path.name for path in find_runs(resolve_run(name, root).parent)] if name else []
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f" beside {', '.join(names[:_MOST_NAMES])}{more}" if names else ""


def _follow(watched: Watched, where: str, view: View, every: float, patience: Patience) -> str:
    """Show the progress until the search has ended; returns how it has."""
    from fcsearch.errors import RunError
    from fcsearch.results import remote

    if remote.is_url(where):
        # As often as it is sent, there is nothing new more often.
        every = max(every, remote.ROUND_SECONDS)
    view.started({"run": where})
    told = False
    try:
        _await_session(watched, where, view, patience.session)
        while (ended := watched.ended()) is None:
            # A search that was just resumed may be moving a part aside: the next look finds it again, or gone.
            with contextlib.suppress(RunError):
                _fetch(where)
                if not watched.silent():
                    view.recorded(watched.look())
                    view.update(watched.status())
                elif not told:
                    view.notice("a process is at work on it, and reads its data or writes its report")
                    told = True
            time.sleep(every)
        view.recorded(watched.look())
        return ended
    finally:
        view.ended(watched.status())


def _await_session(watched: Watched, where: str, view: View, seconds: float) -> None:
    """Wait for a session that continues a run that has ended: it takes the run up once its libraries are imported."""
    from fcsearch.errors import RunError

    if (ended := watched.ended()) is None:
        return
    view.notice(f"{ended}; waiting for {seconds:.0f} s for a session that continues it")
    until = time.monotonic() + seconds
    while time.monotonic() < until and not watched.going():
        time.sleep(_LOOK_SECONDS)
        # What cannot be reached now may be at the next look.
        with contextlib.suppress(RunError):
            _fetch(where)


def _fetch(where: str) -> None:
    """Bring the copy of a run at a URL up to date; RunError if it cannot be reached."""
    from fcsearch.results import remote

    if remote.is_url(where):
        remote.fetch(where, light=True)
