"""`fcsearch validate`: a space as fcsearch reads it, without running it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fcsearch.cli.number_types import Integer
from fcsearch.cli.shared_options import dataset_options, dataset_overrides, output_format

if TYPE_CHECKING:
    from fcsearch.data.facts import ColumnsError
    from fcsearch.space import Parameter, SearchSpace


@click.command()
@click.argument("given", metavar="SPACE")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the space, such as parameters.epochs=10."
)
@dataset_options
@click.option(
    "--seed", type=Integer(0, 2**32 - 1), default=0, show_default=True, help="Seed of the sampled configuration."
)
@click.option("--check-data", is_flag=True, help="Also load the dataset, and say what is in it.")
@output_format
def validate(
    given: str,
    overrides: tuple[str, ...],
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    seed: int,
    check_data: bool,
    form: str,
) -> None:
    """Print a search space as fcsearch reads it: its parameters, when each applies, and a sampled configuration.

    SPACE is a YAML file, or the name of a space that ships (`fcsearch spaces` lists them).

    Nothing is trained, and the dataset is loaded only with --check-data, which shows a table's columns and the use of
    each. If a file cannot be used, the command ends with exit code 2 and a message that says where the mistake is.

    \b
    Example:
      fcsearch validate my_space.yaml
      fcsearch validate full --dataset customers.csv --label churn --check-data
      fcsearch validate full --set parameters.epochs=10 --format json
    """
    from fcsearch.space import find_space, load_space

    file = find_space(given)
    space = load_space(file, overrides=dataset_overrides(overrides, label, data_dir), dataset=dataset)
    _check(space)
    facts: dict[str, Any] = {
        "file": str(file),
        "space": space.to_json(),
        "grid_size": len(space.grid()) if space.sampler.name == "grid" else None,
        "sample": {"seed": seed, "parameters": _sample(space, seed)},
    }
    data = _load(space) if check_data else None
    if data is not None:
        facts |= {"dataset": data.facts, "columns": data.columns}
    if form == "json":
        click.echo(json.dumps(facts, indent=2))
    else:
        _print(space, facts, {} if data is None else data.words)
    if data is not None and data.problem is not None:
        raise data.problem


def _check(space: SearchSpace) -> None:
    """Refuse what is known to be wrong without a look at the rows."""
    from fcsearch.data.sources.checking import check_source

    check_source(space.dataset, moved=True)
    ships = space.dataset.is_named and not space.dataset.is_openml
    if task := space.dataset.task or ("classification" if ships else None):
        space.for_task(task)


def _sample(space: SearchSpace, seed: int) -> dict[str, Any]:
    """A configuration drawn at random from `space`."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return space.suggest(study.ask())


class _Data(NamedTuple):
    """What `--check-data` finds: the dataset and its columns in JSON types, in words, and the error in the columns."""

    facts: dict[str, Any] | None
    columns: list[dict[str, Any]]
    words: dict[str, str]
    problem: ColumnsError | None


def _load(space: SearchSpace) -> _Data:
    from fcsearch.cli.column_table import column_rows
    from fcsearch.data import load_dataset
    from fcsearch.data.facts import ColumnsError
    from fcsearch.data.told import told

    try:
        dataset = load_dataset(space.dataset, space.input_forms)
    except ColumnsError as error:
        return _Data(None, column_rows(error.columns, None), {}, error)
    own = space.learns_own_form
    space.for_task(dataset.task)
    widths = {str(learned.form): learned.input_dim for learned in dataset.learned(own=own)}
    columns = column_rows(dataset.columns, dataset.transform)
    return _Data({**dataset.describe(), "forms": widths}, columns, told(dataset, own=own), None)


def _print(space: SearchSpace, facts: dict[str, Any], data: dict[str, str]) -> None:
    from rich.text import Text

    from fcsearch.cli.console import open_console, print_fields, print_table

    console = open_console()
    console.print(Text.assemble((space.name, "bold"), " is a valid space"))
    print_fields([(key, str(value)) for key, value in _head(space, facts["grid_size"]).items()] + [*data.items()])
    if facts.get("columns"):
        from fcsearch.cli.column_table import column_table

        console.print()
        print_table(column_table(facts["columns"]))
    _print_parameters(space)
    if len(tries := space.tries[: space.trials]) > 2:  # The line above names the first alone.
        from fcsearch.space import describe_try

        console.print("The configurations that come first")
        print_fields([(str(number), describe_try(values)) for number, values in enumerate(tries, 1)])
        console.print()
    sample = facts["sample"]
    console.print(f"A configuration of this space, sampled at random (seed {sample['seed']})")
    print_fields([(name, _show(value)) for name, value in sample["parameters"].items()])


def _head(space: SearchSpace, grid_size: int | None) -> dict[str, str]:
    """The space's sections beside its parameters, in words."""
    from fcsearch.space import describe_try, first_in_words

    first = first_in_words([*map(describe_try, space.tries)], space.trials, left_out=space.left_out)
    plain = type(space.dataset)(space.dataset.source).to_json()
    changed = {key: value for key, value in space.dataset.to_json().items() if plain[key] != value}
    return {
        "dataset": space.dataset.source + _options(changed),
        **({} if space.objective is None else {"objective": space.objective}),
        "sampler": space.sampler.name + _options(dict(space.sampler.options)),
        "trials": f"{space.trials}" + (f" of a grid of {grid_size}" if grid_size is not None else ""),
        "early stopping": space.stopping_words(),
        **({"comes first": first} if first else {}),
    }


def _options(options: dict[str, Any]) -> str:
    return f" ({', '.join(f'{key} {_show(value)}' for key, value in options.items())})" if options else ""


def _show(value: Any) -> str:
    """A value to print; true and false as in the file."""
    from fcsearch.space.parameters import show

    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_show(item)}' for key, item in value.items())}}}"
    return f"{value:.4g}" if isinstance(value, float) else show(value)


def _print_parameters(space: SearchSpace) -> None:
    from rich.table import Table
    from rich.text import Text

    from fcsearch.cli.console import print_table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for title in ("parameter", "kind", "values", "applies when"):
        table.add_column(title)
    for parameter in space.parameters.values():
        row = (parameter.name, parameter.kind, parameter.describe(), _when(parameter))
        table.add_row(*map(Text, row))
    click.echo()
    print_table(table)
    click.echo()


def _when(parameter: Parameter) -> str:
    conditions = [f"{item.parent} is {' or '.join(_show(value) for value in item.values)}" for item in parameter.when]
    return ", and ".join(conditions) or "always"
