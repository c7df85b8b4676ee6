"""What kind of source a spec names."""

from __future__ import annotations

import dataclasses
import functools
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from fcsearch.data.sources.image_files import has_images, images_in, is_image
from fcsearch.data.sources.paths import files_at, find_files, format_of, formats_of, is_kept_back
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError
from fcsearch.wording import wording

# Where a folder of images has them: in it, in the folders of classes, and in those of splits.
_NEAR = 2


@dataclasses.dataclass(frozen=True)
class Source:
    """What a spec names.

    Attributes:
        kind: `openml`: a table of openml.org; `named`: arrays that go by a name, such as digits; or files of `images`,
            of `arrays` (NPZ), or of `tables`.
        listed: The files that the spec's source names, if they are in no folder of images.
        folder: The folder of images that it names.
    """

    kind: Literal["openml", "named", "images", "arrays", "tables"]
    listed: tuple[Path, ...] = ()
    folder: Path | None = None

    @functools.cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that the spec's source names, sorted by name; DataError if a folder of images has a closed one."""
        return self.listed if self.folder is None else tuple(images_in(self.folder))


def find_source(spec: DatasetSpec) -> Source:
    """What a spec names, found without reading a file.

    Raises:
        DataError: there are no files, or files of several kinds; a folder cannot be read; a program passed in the rows.
    """
    if spec.is_memory:
        raise DataError(
            "the rows must be given again: a program passed them in, and the run does not store them. "
            f"{wording().rows()}."
        )
    if spec.is_named:
        return Source("openml" if spec.is_openml else "named")
    path = Path(spec.source).expanduser()
    beside = files_at(path)
    data = [file for file in beside if format_of(file)]
    if path.is_dir():
        if not data and has_images(path):
            return Source("images", folder=path)
        images = images_in(path, depth=_NEAR) if data else []
    else:
        images = [file for file in beside if is_image(file.name)]
    if images and data:
        raise DataError(
            f"{spec.source} must hold images, or files of tables or arrays; found {data[0]} beside {images[0]}. To use "
            "the file, name it, or several by a glob; to use the images, move the file elsewhere."
        )
    if images:
        return Source("images", tuple(images))
    files = find_files(spec.source)
    return Source("arrays" if formats_of(files, spec.source) == {"npz"} else "tables", tuple(files))


def missing_paths(spec: DatasetSpec) -> list[str]:
    """Those of a spec's paths, of its data and of its test rows, where there is nothing; a name is none of them."""
    paths = [] if spec.is_named or spec.is_memory else [path for path in (spec.source, spec.test) if path is not None]
    return [path for path in paths if not (Path(path).expanduser().exists() or files_at(Path(path).expanduser()))]


def takes_in(spec: DatasetSpec, out: Path) -> bool:
    """Whether a spec names a file, or would if the file existed; its folder must exist. DataError as `find_source`."""
    if spec.is_named:
        return False
    path = Path(spec.source).expanduser()
    if path.is_dir():
        read = bool(format_of(out)) or is_image(out.name)
        return read and not is_kept_back(out.name) and out.absolute().parent.samefile(path)
    if path.is_file():
        return out.exists() and out.samefile(path)
    folders = {file.parent for file in find_source(spec).files}
    return fnmatch(out.name, path.name) and any(out.absolute().parent.samefile(folder) for folder in folders)
