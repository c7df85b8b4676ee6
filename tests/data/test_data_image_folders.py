"""Folders of images: a subfolder for each class."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fcsearch.data import DatasetSpec
from fcsearch.data.loading import read_rows
from fcsearch.data.others import read_other
from fcsearch.data.sources.checking import check_files
from fcsearch.data.sources.finding import find_source
from fcsearch.data.sources.image_folders import find_labelled
from fcsearch.data.transform import FeatureTransform
from fcsearch.data.unlabelled import read_parts
from fcsearch.errors import DataError

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """Writes images whose brightness is that of their class."""

    def write(
        inside: str = "", count: int = 20, *, size: tuple[int, int] = (5, 4), mode: str = "RGB", ending: str = "png"
    ) -> Path:
        random = np.random.default_rng(0)
        for place, name in enumerate(("dog", "cat")):
            (tmp_path / "pics" / inside / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = (random.integers(0, 50, (size[1], size[0], 3)) + 200 * place).astype(np.uint8)
                image = Image.fromarray(pixels).convert(mode)
                image.save(tmp_path / "pics" / inside / name / f"{number:03}.{ending}")
        return tmp_path / "pics"

    return write


def test_the_subfolder_is_the_class(folder: Write, load) -> None:
    source = folder()
    check_files(DatasetSpec(str(source)))
    data = load(source, preprocessing="none")
    assert data.class_names == ("cat", "dog")
    assert data.image_shape == (4, 5, 3)
    assert len(data.train) + len(data.val) + len(data.test) == 40
    for part in (data.train, data.val, data.test):
        assert np.array_equal(part.y == 0, part.X[:, 0] > 0.5)


def test_rows_have_the_order_of_names_and_the_contents_decide_the_fingerprint(folder: Write, load) -> None:
    source = folder()
    rows = read_rows(DatasetSpec(str(source)))
    first = np.asarray(Image.open(source / "cat" / "000.png")).reshape(-1)
    assert np.array_equal(rows.X[0], first)
    before = load(source).fingerprint
    source.rename(source.with_name("moved"))
    assert load(source.with_name("moved")).fingerprint == before
    Image.new("RGB", (5, 4)).save(source.with_name("moved") / "dog" / "003.png")
    assert load(source.with_name("moved")).fingerprint != before


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "valid"), ("training", "validation", "test")])
def test_subfolders_may_be_splits(folder: Write, load, names: tuple[str, ...]) -> None:
    for count, name in zip((20, 7, 5), names, strict=False):
        source = folder(name, count)
    data = load(source)
    assert data.class_names == ("cat", "dog")
    assert len(data.val) == 14
    if len(names) == 3:
        assert (len(data.train), len(data.test)) == (40, 10)


def test_the_test_split_may_be_a_folder_of_its_own(folder: Write, load, refusal) -> None:
    source = folder("a")
    folder("b", 4)
    assert len(load(source / "a", test=str(source / "b")).test) == 8
    for shared in (source / "a", source / "a" / ".." / "a" / "cat", source):
        assert "an image must be in one split" in refusal(source / "a", test=str(shared))


def test_a_class_may_be_called_test_or_train(folder: Write, load) -> None:
    source = folder()
    (source / "cat").rename(source / "train")
    (source / "dog").rename(source / "test")
    assert load(source).class_names == ("test", "train")


def test_hidden_folders_other_files_and_folders_within_a_class(folder: Write, load) -> None:
    source = folder()
    (source / ".thumbnails").mkdir()
    (source / "__MACOSX").mkdir()
    (source / "read.me").write_text("pictures")
    (source / "cat" / "notes.txt").write_text("a cat")
    (source / "cat" / "more").mkdir()
    (source / "cat" / "000.png").rename(source / "cat" / "more" / "000.PNG")
    data = load(source)
    assert len(data.train) + len(data.val) + len(data.test) == 40


def test_sizes_that_differ_are_named_with_the_option(folder: Write, refusal) -> None:
    source = folder()
    Image.new("RGB", (9, 8)).save(source / "dog" / "003.png")
    found = refusal(source)
    assert "5x4" in found
    assert f"9x8 in {source / 'dog' / '003.png'}" in found
    assert "--set 'dataset.image_size=[4, 5]'" in found


def test_images_are_resized_and_so_are_later_ones(folder: Write, tmp_path: Path, load) -> None:
    source = folder()
    Image.new("RGB", (9, 8), (255, 0, 0)).save(source / "dog" / "003.png")
    data = load(source, image_size=2, preprocessing="none")
    assert data.image_shape == (2, 2, 3)
    assert data.spec == DatasetSpec.from_json(data.spec.to_json())
    assert data.spec.image_size == (2, 2)
    assert load(source, image_size=[2, 3]).image_shape == (2, 3, 3)
    transform = FeatureTransform.from_json(data.transform.to_json(), where="here")
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.new("RGB", (30, 7), (255, 0, 0)).save(flat / "red.png")
    [part] = read_parts(DatasetSpec(str(flat)), transform)
    assert part.X.tolist() == [[1, 0, 0] * 4]


def test_grey_images_have_one_channel_unless_one_has_colour(folder: Write, load) -> None:
    source = folder(mode="L")
    assert load(source).image_shape == (4, 5, 1)
    Image.new("RGB", (5, 4)).save(source / "dog" / "019.png")
    data = load(source)
    assert data.image_shape == (4, 5, 3)
    assert len(read_other(DatasetSpec(str(folder("grey", 3, mode="L") / "grey")), data.transform).rows) == 6


def test_images_without_a_class_are_predicted_by_name(folder: Write, load) -> None:
    source = folder()
    transform = load(source).transform
    parts = list(read_parts(DatasetSpec(str(source / "cat")), transform, most_rows=8))
    assert [len(part.X) for part in parts] == [8, 8, 4]
    names = [name for part in parts for name in part.kept["file"].to_pylist()]
    assert names == [f"{number:03}.png" for number in range(20)]
    [single] = read_parts(DatasetSpec(str(source / "cat" / "007.png")), transform)
    assert np.array_equal(single.X[0], parts[0].X[7])
    [both] = read_parts(DatasetSpec(str(source / "*" / "007.png")), transform)
    assert both.kept["file"].to_pylist() == ["cat/007.png", "dog/007.png"]
    # A folder below the one that was named is part of the name, by a glob too.
    for place in (source, source / "*" / "*.png"):
        assert "cat/007.png" in next(read_parts(DatasetSpec(str(place)), transform)).kept["file"].to_pylist()
    # Alone an image has the name that it has among those of its folder.
    of_cats, alone = (
        next(read_parts(DatasetSpec(str(place)), transform)) for place in (source / "cat", source / "cat" / "007.png")
    )
    assert alone.kept["file"].to_pylist() == ["007.png"]
    assert "007.png" in of_cats.kept["file"].to_pylist()


def test_other_images_are_measured_by_their_subfolders(folder: Write, load) -> None:
    source = folder("a")
    other = read_other(DatasetSpec(str(folder("b", 3) / "b")), load(source / "a").transform)
    assert other.rows.y.tolist() == [0] * 3 + [1] * 3


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"label": "foo"}, "label belongs to tables; the class of an image is the name of its subfolder"),
        ({"drop": ("a",)}, "drop belongs to tables"),
        ({"task": "regression"}, "must be learned as a classification"),
    ],
)
def test_options_of_tables_are_refused(folder: Write, refusal, options, found: str) -> None:
    assert found in refusal(folder(), **options)


def test_folders_that_do_not_say_the_class_are_refused(folder: Write, refusal, load) -> None:
    source = folder()
    assert "found 20 images outside of them, such as 000.png" in refusal(source / "cat")
    (source / "empty").mkdir()
    assert "found none in empty" in refusal(source)
    (source / "empty").rmdir()
    assert "must be in a folder" in refusal(source / "*" / "*.png")
    transform = load(source).transform
    with pytest.raises(DataError, match="no column but file to keep; found --keep name"):
        next(read_parts(DatasetSpec(str(source)), transform, ["name"]))
    split = folder("split/train").joinpath("split")
    folder("split/other")
    assert "found other as well" in refusal(split)


def test_a_folder_without_images_is_described(tmp_path: Path, refusal) -> None:
    (tmp_path / "pics" / "sounds").mkdir(parents=True)
    assert "found the folder sounds" in refusal(tmp_path / "pics")


def test_a_name_that_begins_with_an_underscore_is_that_of_a_class(folder: Write, load) -> None:
    source = folder()
    (source / "dog").rename(source / "_other")
    (source / "cat" / "000.png").rename(source / "cat" / "_000.png")
    data = load(source)
    assert data.class_names == ("_other", "cat")
    assert len(data.train) + len(data.val) + len(data.test) == 40


def test_links_are_followed_but_into_each_folder_only_once(folder: Write, tmp_path: Path, load) -> None:
    source = folder()
    linked = tmp_path / "linked"
    (linked / "cat").mkdir(parents=True)
    (linked / "dog").symlink_to(source / "dog")
    (linked / "cat" / "more").symlink_to(source / "cat")
    (linked / "cat" / "again").symlink_to(linked / "cat")
    (linked / "cat" / "000.png").symlink_to(source / "cat" / "000.png")
    found = find_labelled(DatasetSpec(str(linked)))["train"]
    assert [name for _, name in found].count("dog") == 20
    assert [name for _, name in found].count("cat") == 21
    assert load(linked).class_names == ("cat", "dog")


def test_an_image_that_cannot_be_read_is_not_passed_over(folder: Write, refusal) -> None:
    source = folder()
    (source / "cat" / "lost.png").symlink_to(source / "nowhere.png")
    (source / "dog" / "broken.jpg").write_bytes(b"no image")
    found = refusal(source)
    assert f"2 of 42 are not ({source / 'cat' / 'lost.png'}: No such file or directory; {source / 'dog'}" in found
    assert "none of JPEG" in found


def test_files_that_are_no_images_are_counted(folder: Write, load) -> None:
    source = folder()
    for name in ("cat/000.HEIC", "dog/x.heic", "dog/notes.txt", "LICENCE", "cat/.DS_Store"):
        (source / name).write_text("")
    data = load(source)
    assert data.details["other_files"] == {".heic": 2, ".txt": 1, "without ending": 1}
    (folder("b", 3) / "b" / "readme.txt").write_text("")
    (folder("c", 3) / "c" / "readme.txt").write_text("")
    rows = read_rows(DatasetSpec(str(source / "b"), test=str(source / "c")))
    assert rows.details["other_files"] == {".txt": 2}
    assert data.left_out() == "files that are not images (2 .heic, 1 .txt, 1 without ending)"


def test_a_table_beside_images_is_not_taken_for_the_data(folder: Write, refusal, load) -> None:
    source = folder()
    (source / "labels.csv").write_text("file,label\na,b\n")
    found = refusal(source)
    assert f"found {source / 'labels.csv'} beside {source / 'cat' / '000.png'}" in found
    assert find_source(DatasetSpec(str(source / "*.csv"))).kind == "tables"
    (source / "labels.csv").rename(source / "_labels.csv")
    assert load(source).class_names == ("cat", "dog")


def test_pictures_deep_below_tables_are_none_of_their_data(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    Image.new("L", (2, 2)).save(deep / "plot.png")
    (tmp_path / "rows.csv").write_text("x,label\n1,a\n")
    assert find_source(DatasetSpec(str(tmp_path))).kind == "tables"


def test_a_folder_that_cannot_be_read_is_named(folder: Write, refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    source, scan = folder(), os.scandir

    def closed(path: str | Path) -> Any:
        if Path(path).name == "cat":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert f"must be readable; {source / 'cat'} is not: Permission denied" in refusal(source)


def test_files_are_checked_without_the_libraries_that_read_them(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,label\n1,a\n")
    program = (
        "import sys; from fcsearch.data import DatasetSpec; from fcsearch.data.sources.checking import check_files\n"
        "check_files(DatasetSpec(sys.argv[1])); print(sorted({'pyarrow', 'PIL', 'torch'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "rows.csv")], check=True, capture_output=True, text=True
    )
    assert found.stdout == "[]\n"
