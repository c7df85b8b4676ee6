"""The command line: commands are imported when they run, so that `fcsearch --help` is instant."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import sys
from typing import Any

import click

from fcsearch import __version__
from fcsearch.cli.without_pandas import leave_out_pandas
from fcsearch.errors import FcsearchError, UsageError

# Command -> (module, one line of help). The module holds a click.Command of the command's name, with `_` for `-`.
_COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("fcsearch.cli.run", "Search a space and write a run directory."),
    "resume": ("fcsearch.cli.resume", "Continue an interrupted run, or add trials to a finished one."),
    "confirm": ("fcsearch.cli.confirm", "Train the best of a run again with other seeds: which one wins on average?"),
    "watch": ("fcsearch.cli.watch", "Show the progress of a search that another process runs."),
    "report": ("fcsearch.cli.report", "Say which network a run found best, and how far to trust it."),
    "runs": ("fcsearch.cli.runs", "List the runs of a folder: state, trials, best figure, size."),
    "note": ("fcsearch.cli.note", "Set the note of a run."),
    "tag": ("fcsearch.cli.tag", "Add tags to a run, or remove them."),
    "rm": ("fcsearch.cli.rm", "Remove runs."),
    "compare": ("fcsearch.cli.compare", "Compare runs at equal trials, in equal time, and over seeds."),
    "evaluate": ("fcsearch.cli.evaluate", "Measure a run's best model on a split of its dataset."),
    "predict": ("fcsearch.cli.predict", "Predict the class, or the number, of every row of a file."),
    "export": ("fcsearch.cli.export", "Write a model (ONNX, torch.export) or the trials (CSV, MLflow) for others."),
    "train": ("fcsearch.cli.train", "Train one network, from options or from a trial of a run."),
    "spaces": ("fcsearch.cli.spaces", "List the search spaces that ship."),
    "init": ("fcsearch.cli.init", "Write a search space for your data, to be edited."),
    "validate": ("fcsearch.cli.validate", "Print a search space as fcsearch reads it, without running it."),
    "schema": ("fcsearch.cli.schema", "Print the JSON Schema of a search-space file."),
    "check": ("fcsearch.cli.check", "Check every hand-written gradient and update rule on this machine."),
}

# Of a path that cannot be one, or may not be looked at: even the question whether it exists raises these.
_NO_PATH = {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM}


class _LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from fcsearch.text import did_you_mean, nearest

            hint = did_you_mean(nearest(args[0], _COMMANDS), sentence=True) or f" Known: {', '.join(_COMMANDS)}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="fcsearch")
def cli() -> None:
    """Find the hyperparameters of fully connected networks, fast, on one machine or on a Ray cluster.

    \b
    Example:
      fcsearch run customers.csv --label churn
    """


def main(argv: list[str] | None = None) -> Any:
    """Entry point: run a command; errors become one message and an exit code (2 usage, 1 failed, 130 Ctrl-C)."""
    if argv is None:
        # This process is ours. Python collects garbage after every 700 new objects, and searches all of them at exit.
        # Libraries make millions that live to the end: collecting takes a tenth of their imports, and most of a second
        # at the exit.
        gc.set_threshold(50_000)
        atexit.register(gc.freeze)
        leave_out_pandas()
    try:
        code = cli.main(args=argv, prog_name="fcsearch", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FcsearchError as error:
        _say(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("fcsearch: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the pipe is gone (`fcsearch report | head`): nothing more can be written.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno not in _NO_PATH or error.filename is None:
            raise
        _say(f"{error.filename} must be a path that can be looked up; found: {error.strerror}")
        sys.exit(UsageError.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: object) -> None:
    from fcsearch.cli.console import print_sentence
    from fcsearch.text import printable

    print_sentence(f"fcsearch: {printable(str(error))}", sys.stderr)
