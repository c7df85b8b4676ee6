"""What can be wrong with a dataset and is known without reading its rows."""

from __future__ import annotations

from pathlib import Path

from fcsearch.data.sources.download import FILES, user_folder
from fcsearch.data.sources.finding import Source, find_source
from fcsearch.data.sources.paths import find_parts
from fcsearch.data.spec import DatasetSpec


def check_files(spec: DatasetSpec) -> Source:
    """What a spec names; DataError, without reading a file, if it cannot be the data."""
    source = find_source(spec)
    if source.kind == "images":
        # Others need no Pillow, which takes a tenth of a second to import.
        from fcsearch.data.sources.image_folders import find_labelled

        find_labelled(spec)
    elif source.kind in ("arrays", "tables"):
        find_parts(spec)
    return source


def check_source(spec: DatasetSpec, *, moved: bool = False) -> None:
    """Look for a dataset's files, its label, and the shapes of its arrays.

    Args:
        spec: The dataset; one of a name, or of a program, is taken as it is.
        moved: Whether the files may be on another machine; a name that is not a path must be known nevertheless.

    Raises:
        DataError: as `load_dataset`.
    """
    if spec.is_memory:
        return
    path = Path(spec.source).expanduser()
    if moved and not spec.is_named and not path.exists() and (path.suffix or len(path.parts) > 1):
        return
    if spec.data_dir is not None or spec.source in FILES:
        user_folder(spec.data_dir)
    kind = check_files(spec).kind
    if kind not in ("arrays", "tables"):
        return
    files = [file for of_part in find_parts(spec).values() for file in of_part]
    if kind == "arrays":
        from fcsearch.data.sources.npz import check_npz

        check_npz(files, spec)
        return
    from fcsearch.data.labels import find_label
    from fcsearch.data.sources.streams import file_schema

    find_label(file_schema(files[0]), spec.label, str(files[0]))
