"""The dataset that a run was made on, loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fcsearch.config import InputForm
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.dataset import Dataset
from fcsearch.data.sources.finding import missing_paths
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.results import RunDirectory, remote
from fcsearch.results.manifest import DatasetEntry
from fcsearch.text import column_quoted, first_few
from fcsearch.wording import wording

MakeDataset = Callable[[DatasetSpec, Iterable[InputForm]], Dataset]


def load_run_dataset(
    run: RunDirectory,
    *,
    source: str | None = None,
    data_dir: str | None = None,
    forms: Iterable[InputForm] | None = None,
    make: MakeDataset = load_dataset,
) -> Dataset:
    """Load the dataset that the run was made on.

    Args:
        run: The run directory.
        source: Where the dataset is now, if it has moved: a name or a path.
        data_dir: Folder with the files of a named dataset, if not the run's.
        forms: In which forms, beside its own; None: in those that trials with a row learned.
        make: Makes it, in these forms; by default from its files.

    Raises:
        DataError: the dataset is gone, or its content, split or preprocessing is not the run's.
        RunError: the manifest does not say which it is.
    """
    spec = run.dataset_spec().moved(source=source, data_dir=data_dir)
    if forms is None:
        forms = map(InputForm.of, run.trials().select(["preprocessing", "bins"]).to_pylist())
    try:
        dataset = make(spec, forms)
    except DataError as error:
        if make is not load_dataset or source is not None or not (missing := missing_paths(spec)):
            raise
        address, what = remote.address(run.path), "data" if spec.source in missing else "test rows"
        how = wording().moved(address) if what == "data" else wording().moved_test(address, spec.source)
        raise DataError(f"the run's {what} {' and '.join(missing)} must exist; found nothing there; {how}") from error
    described = run.manifest().dataset or DatasetEntry()
    if dataset.fingerprint != described.fingerprint:
        found = _differences(run, described, dataset)
        raise DataError(
            f"the data {dataset.name} must be the rows that the run was made on, all of them and in their order; found "
            f"{found}; restore the original data, or search these in a new run"
        )
    return dataset


def _differences(run: RunDirectory, before: DatasetEntry, dataset: Dataset) -> str:
    """How other rows differ from those of the run, as far as its files say."""
    said = []
    sizes = (before.rows.train, before.rows.val, before.rows.test)
    was, now = sum(size or 0 for size in sizes), sum(map(len, (dataset.train, dataset.val, dataset.test)))
    if was != now and None not in sizes:
        said.append(f"{now:,} rows in place of {was:,}")
    columns, own = _columns(dataset.transform), _columns(run.transform())
    if own:
        said += _more("no", [name for name in own if name not in columns])
        said += _more("also the", [name for name in columns if name not in own])
    names = before.class_names
    if names is not None and names != dataset.class_names:
        was_shown, shown = (first_few([*map(repr, some)], 5) or "none" for some in (names, dataset.class_names))
        said.append(f"the classes {shown} in place of {was_shown}")
    return ", and ".join(said) or "as many rows and columns, but other values, another order, or other weights"


def _more(word: str, names: Sequence[str]) -> list[str]:
    noun = "column" if len(names) == 1 else "columns"
    return [f"{word} {noun} {first_few([*map(column_quoted, names)], 5)}"] if names else []


def _columns(transform: FeatureTransform | None) -> list[str]:
    """The columns that a transform reads, by name; none of arrays."""
    return [] if transform is None else list(dict.fromkeys(i.name for i in transform.inputs if i.name is not None))
