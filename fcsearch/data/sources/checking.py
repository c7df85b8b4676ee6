"""What can be wrong with a dataset and is known without reading its rows."""

from __future__ import annotations

from pathlib import Path

from fcsearch.data.sources.paths import check_files, find_parts, format_of
from fcsearch.data.spec import DatasetSpec


def check_source(spec: DatasetSpec, *, moved: bool = False) -> None:
    """Look for a dataset's files, its label, and the shapes of its arrays.

    Args:
        spec: The dataset; one of a name, or of a program, is taken as it is.
        moved: Whether the files may be on another machine; a name that is not a path must be known nevertheless.

    Raises:
        DataError: as `load_dataset`.
    """
    if spec.is_named or spec.is_memory:
        return
    path = Path(spec.source).expanduser()
    if moved and not path.exists() and (path.suffix or len(path.parts) > 1):
        return
    check_files(spec)
    if path.is_dir() and not any(format_of(file) for file in path.iterdir()):
        return
    parts = find_parts(spec)
    files = [file for of_part in parts.values() for file in of_part]
    if {format_of(file) for file in files} == {"npz"}:
        from fcsearch.data.sources.npz import check_npz

        check_npz(files, spec)
        return
    from fcsearch.data.labels import find_label
    from fcsearch.data.sources.streams import file_schema

    find_label(file_schema(files[0]), spec.label, str(files[0]))
