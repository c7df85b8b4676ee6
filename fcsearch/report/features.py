"""What a network sees of the rows, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from fcsearch.config.input_form import EMBEDDED, OWN_FORM, InputForm
from fcsearch.data.joint_transform import parts_of
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import UsageError
from fcsearch.report.model import Features
from fcsearch.report.words import listing, plural
from fcsearch.results import RunDirectory
from fcsearch.results.manifest import DatasetEntry
from fcsearch.results.transforms import transform_of

_SOURCES = {"number": "number", "list": "list of numbers", "image": "image", "array": "array"}
_ENCODINGS = {
    "affine": "shifted and scaled",
    "smooth_clip": "scaled, with a smooth clip",
    "curve": "mapped by their quantiles",
    "bins": "piecewise-linear",
}


def features_of(run: RunDirectory, described: DatasetEntry, row: Mapping[str, Any] | None) -> Features | None:
    """What the network of a trial sees, `row` being that of the trials table; None if its transform is not known.

    Without a row it is what the run's trials are to see.
    """
    options = described.spec or {}
    try:
        if row is None:
            return _of_any_trial(run, options)
        form, path = InputForm.of(row), run.models.path(row["trial_id"])
        transform = transform_of(run, path) if path.is_file() else run.transform(form)
    except UsageError:
        return None  # a damaged file is reported where it is needed
    return None if transform is None else features_in(transform, options, embedded=form.preprocessing in EMBEDDED)


def _of_any_trial(run: RunDirectory, options: Mapping[str, Any]) -> Features | None:
    """What trials may see, by the forms of the rows that their space names."""
    space = run.space()
    forms = [*([OWN_FORM] if space.learns_own_form else []), *space.input_forms]
    seen = [
        features_in(transform, options, embedded=form.preprocessing in EMBEDDED)
        for form in forms
        if (transform := run.transform(form)) is not None
    ]
    if len(seen) < 2:
        return seen[0] if seen else None
    widths = [found.width for found in seen]
    return replace(seen[0], form="as each trial's preprocessing makes them", width=max(widths), least=min(widths))


def features_in(transform: FeatureTransform, options: Mapping[str, Any], *, embedded: bool) -> Features:
    """What a transform makes of the rows; `embedded`: the network embeds the numbers."""
    dropped = options.get("drop") or ()
    apart = {options.get(name): f"the {noun}" for name, noun in _APART.items()}
    # Beside images nothing else is read; of a table only what numbers its rows is left out untold.
    pictured = any(item.kind != "category" and item.source == "image" for item in transform.inputs)
    untold = "beside the images" if pictured else "numbers the rows"
    why = {name: apart.get(name) or ("as told" if name in dropped else untold) for name in transform.unused}
    return Features(
        _inputs(transform), _numbers_form(transform, embedded=embedded), transform.width, tuple(why.items())
    )


_APART = {"group": "group of the split", "time": "time of the split", "weights": "weights of the rows"}


def _inputs(transform: FeatureTransform) -> str:
    kinds = Counter("category" if item.kind == "category" else _SOURCES[item.source] for item in transform.inputs)
    return listing([_plural(count, kind) for kind, count in kinds.items()])


def _plural(count: int, kind: str) -> str:
    if kind == "category":
        return f"{count:,} categor{'y' if count == 1 else 'ies'}"
    return f"{count:,} lists of numbers" if kind.startswith("list") and count != 1 else plural(count, kind)


def _numbers_form(transform: FeatureTransform, *, embedded: bool) -> str | None:
    """What becomes of the numbers, in each of the forms that an ensemble learned; None if there are none."""
    forms = [_form(part, embedded=embedded) for part in parts_of(transform)]
    found = list(dict.fromkeys(form for form in forms if form))
    return listing(found) if found else None


def _form(transform: FeatureTransform, *, embedded: bool) -> str | None:
    numbers = [item for item in transform.inputs if item.kind == "number"]
    if not numbers:
        return None
    if embedded:
        return "embedded by learned frequencies"
    kind = numbers[0].encoding.kind
    if kind != "bins":
        return _ENCODINGS[kind]
    widths = {width for item in numbers for width in item.encoding.widths}
    return f"{_ENCODINGS[kind]}, {'up to ' if len(widths) > 1 else ''}{plural(max(widths), 'bin')}"


def feature_lines(found: Features | None) -> Iterator[str]:
    """The features as lines of a report."""
    if found is None:
        return
    form = f"; numbers {found.form}" if found.form else ""
    least = "" if found.least in (None, found.width) else f"{found.least:,} to "
    yield f"features: {found.inputs}{form}: {least}{plural(found.width, 'feature')}"
    if found.left_out:
        yield "left out: " + ", ".join(f"{name or '(unnamed)'} ({why})" for name, why in found.left_out)
