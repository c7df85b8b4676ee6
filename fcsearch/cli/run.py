"""`fcsearch run`: a search, from a space or a dataset to a run directory and a report."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.header import header_may_do
from fcsearch.cli.number_types import Integer
from fcsearch.cli.search_arguments import Choice, choose
from fcsearch.cli.searching import conclude, going_on, search_options, varying
from fcsearch.cli.shared_options import RunsFolder, dataset_options, dataset_overrides
from fcsearch.errors import RunError

if TYPE_CHECKING:
    from fcsearch.search.planning.plan import SearchPlan
    from fcsearch.space import SearchSpace

_STARTING = {"ray": "Ray, and the search", "local": "worker processes, and the search"}
# Names that mean folders, not run names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@click.command()
@click.argument("given", nargs=-1, metavar="[SPACE] [DATA]")
@click.option(
    "--space", metavar="NAME|FILE", help="The search space: the name of one that ships, a YAML file, or a run."
)
@dataset_options
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space: parameters.epochs=10.")
@click.option("--trials", type=Integer(min=1), help="How many trials. Default: as many as the space says.")
@click.option(
    "--seed",
    type=Integer(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of the sampler and of training.",
)
@click.option(
    "--out",
    type=RunsFolder(),
    metavar="FOLDER|URL",
    default="runs",
    show_default=True,
    help="Folder for the run directory, or a URL such as s3://bucket/runs, from which any machine can continue.",
)
@click.option("--name", help="Name of the run. Default: the space's or the data's, with a number if taken.")
@click.option("--from", "start_from", metavar="RUN", help="Tell the sampler this run's trials, where they fit.")
@click.option("--try", "tries", multiple=True, metavar="KEY=VALUE,...", help="Try this configuration first: depth=3.")
@click.option("--note", metavar="TEXT", help="A note that `fcsearch runs` and the report show.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word to find it by: `fcsearch runs --tag TAG`.")
@search_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, without doing it.")
def run(
    given: tuple[str, ...],
    space: str | None,
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    overrides: tuple[str, ...],
    out: Path | str,
    name: str | None,
    note: str | None,
    tags: tuple[str, ...],
    start_from: str | None,
    quiet: bool,
    verbose: bool,
    dry_run: bool,
    **options: Any,
) -> None:
    """Search a space: train its trials in packs, write a run directory, and report the best network.

    SPACE is a YAML file, the name of a space that ships (`fcsearch spaces` lists them), or a run directory, whose space
    is searched again. DATA is a file, a folder, or the name of a dataset. One of the two is enough: without a space,
    `small` is searched for a small table, else `default`; a space names a dataset.

    Ctrl-C once ends the search cleanly and keeps the finished trials; twice ends it at once. Either way
    `fcsearch resume` continues it.

    \b
    Example:
      fcsearch run customers.csv --label churn
      fcsearch run dropout
      fcsearch run my_space.yaml --dataset cifar10 --trials 200 --time-budget 30m
      fcsearch run runs/full/next_space.yaml --from full
      fcsearch run runs/full --set objective=balanced_accuracy
      fcsearch run full --try learning_rate=0.003,depth=3 --try depth=2
      fcsearch run customers.csv --note "without the rows of May" --tag baseline
      fcsearch run --space full --workers 4 --gpus-per-worker 0.25 --pack-size 32
      fcsearch run --space full --set parameters.epochs=10 --dry-run
      fcsearch run customers.csv --out s3://bucket/runs
    """
    # Of the time budget, the libraries are part.
    began = time.monotonic()
    from fcsearch.search.options import SearchOptions
    from fcsearch.search.pools import Pools

    if name is not None and not _NAME.fullmatch(name):
        raise RunError(f"--name must be letters, digits, dots, dashes and underscores; found {name!r}")
    settings = SearchOptions(**{key: value for key, value in options.items() if value is not None})
    with contextlib.closing(Pools()) as pools:
        if not dry_run:
            ahead = header_may_do([*given, *filter(None, (dataset,))], label)
            if ahead:
                # Before the libraries are imported, in both processes: that takes a second and more.
                pools.start(settings.pool, local=settings.address is None)
            if not quiet and (named := [*given, *filter(None, (space, dataset))]):
                _tell("reading", ", ".join(named))
            if ahead:
                pools.begin(settings, sure=False)
        choice = choose(given, space=space, dataset=dataset)
        searched = _searched(choice, (overrides, label, data_dir))
        if choice.space is None and not quiet:
            _tell("space", f"{choice.searched} (`fcsearch spaces` lists all)")
        from fcsearch.results import Labels, resolve_run

        labels = Labels().with_note(note or "").with_tags(tags)
        if start_from is not None:
            settings = dataclasses.replace(settings, start_from=str(resolve_run(start_from, out).resolve()))
        path, url = _place(out, name, default=searched.name)
        from fcsearch.search.api import plan_search, start_search

        plan = plan_search(searched, settings, path=path)
        if dry_run:
            _rehearse(plan, searched)
            return
        if not quiet:
            _tell("starting", _STARTING[settings.pool])
        from fcsearch.cli.live import open_view

        with going_on(path), open_view(parameters=varying(searched), quiet=quiet, verbose=verbose) as view:
            result = start_search(
                searched,
                settings,
                path=path,
                url=url,
                command=sys.argv,
                view=view,
                pools=pools,
                labels=labels,
                began=began,
            )
    conclude(result, quiet=quiet)


def _tell(label: str, text: str) -> None:
    """A line in the form of the plan's, before the plan is known."""
    from fcsearch.text import printable

    click.echo(f"{label:<15} {printable(text)}", err=True)


def _searched(choice: Choice, changes: tuple[tuple[str, ...], str | None, str | None]) -> SearchSpace:
    """The space, whose data are where it says."""
    searched = choice.load(dataset_overrides(*changes))
    from fcsearch.data.sources.checking import check_source

    check_source(searched.dataset)
    return searched


def _place(out: Path | str, name: str | None, *, default: str) -> tuple[Path, str | None]:
    """The path of the run and its URL, if it has one: the name that was asked for, or the first free one."""
    from fcsearch.results import remote

    names = itertools.chain([default], (f"{default}-{number}" for number in itertools.count(2)))
    for candidate in [name] if name is not None else names:
        url = remote.within(out, candidate) if remote.is_url(out) else None
        path = Path(out, candidate) if url is None else remote.local_copy(url)
        free = not path.exists() and (url is None or not remote.is_taken(url))
        if free or name is not None:
            return path, url
    raise AssertionError("numbers do not end")


def _rehearse(plan: SearchPlan, searched: SearchSpace) -> None:
    """Print the plan, with what is in the data, which are loaded for their errors, but not downloaded."""
    from fcsearch.cli.console import print_fields
    from fcsearch.data import load_dataset
    from fcsearch.data.told import told
    from fcsearch.search.api import plan_for_data

    spec = searched.dataset
    if spec.is_named and spec.source != "digits":
        data = {"rows": "not read: a dry run downloads nothing"}
    else:
        plan, dataset = plan_for_data(plan, load_dataset(spec, searched.input_forms))
        data = told(dataset, own=searched.learns_own_form)
    print_fields([*{**plan.lines(), **data}.items()], indent=0)
