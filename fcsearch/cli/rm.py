"""`fcsearch rm`: removes runs."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.shared_options import runs_folder


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@runs_folder
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(runs: tuple[str, ...], root: Path | str, yes: bool) -> None:
    """Remove runs, with their tables, models and reports.

    RUN is a run directory, or the name of a run in the runs' folder; it may be damaged. The command asks first. Nothing
    is removed if one of them is in progress or is not a run.

    \b
    Example:
      fcsearch rm dropout-2
      fcsearch rm runs/a runs/b --yes
    """
    from fcsearch.cli.runs import size_text
    from fcsearch.errors import UsageError
    from fcsearch.results import disk_bytes, remote, remove_run, require_removable, resolve_run

    if url := next((name for name in (str(root), *runs) if remote.is_url(name)), None):
        raise UsageError(
            f"fcsearch rm removes runs of this machine; found {url}; remove it with a tool of its storage, such as "
            "`aws s3 rm --recursive`"
        )
    paths = list(dict.fromkeys(resolve_run(name, root) for name in runs))
    for path in paths:
        require_removable(path)
    if not yes:
        for path in paths:
            click.echo(f"{path}  {size_text(disk_bytes(path))}")
        try:
            agreed = click.confirm(f"Remove {'it' if len(paths) == 1 else f'these {len(paths)} runs'}?", default=False)
        except click.Abort:
            raise UsageError("removing runs needs a confirmation; found no answer; add --yes") from None
        if not agreed:
            click.echo("nothing was removed")
            click.get_current_context().exit(1)
    for path in paths:
        remove_run(path)
        click.echo(f"removed {path}")
