import io
import re

import numpy as np
import pyarrow as pa
import pytest
from PIL import ExifTags, Image

from fcsearch.data import DatasetSpec, dataset_in_memory
from fcsearch.data import images as images_module
from fcsearch.data.images import ImageForm, decode_images
from fcsearch.data.rows import PIXEL_SCALE
from fcsearch.data.sources.in_memory import match_memory
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError
from fcsearch.wording import Arguments, worded

NAMES = "ape,bee"
LABELS = [0, 1] * 20


def structs(contents: list[bytes | None]) -> list[dict[str, object] | None]:
    return [{"bytes": content, "path": f"{row}.png"} for row, content in enumerate(contents)]


def test_hub_images_become_pixels_in_row_column_channel_order(write_table, load, random_images, image_bytes) -> None:
    pixels = random_images(40, 6, 5, 3)
    path = write_table(
        {"img": structs([image_bytes(p) for p in pixels]), "label": LABELS}, metadata={"class_names": NAMES}
    )
    data = load(path, preprocessing="none", test_fraction=0)
    assert data.image_shape == (6, 5, 3)
    assert data.input_dim == 90
    assert data.class_names == ("ape", "bee")
    found = {row.tobytes() for row in (np.concatenate([data.train.X, data.val.X]) * 255).round().astype(np.uint8)}
    assert found == {p.tobytes() for p in pixels}
    assert data.train.X.dtype == np.float32
    assert data.train.X.flags.c_contiguous
    assert data.train.X.max() <= 1


def test_each_image_keeps_its_label(write_table, load, image_bytes) -> None:
    contents = [image_bytes(np.full((4, 4, 3), 200 * label + 5, np.uint8)) for label in LABELS]
    data = load(write_table({"image": structs(contents), "label": LABELS}), preprocessing="none")
    for part in (data.train, data.val, data.test):
        assert np.array_equal(part.y, (part.X[:, 0] > 0.5).astype(int))


@pytest.mark.parametrize(
    ("kind", "mode", "channels"),
    [
        ("JPEG", None, 3),
        ("PNG", "L", 1),
        ("PNG", "LA", 1),
        ("PNG", "1", 1),
        ("PNG", "P", 3),
        ("PNG", "RGBA", 3),
        ("BMP", None, 3),
    ],
)
def test_formats_and_modes(
    write_table, load, random_images, image_bytes, kind: str, mode: str | None, channels: int
) -> None:
    contents = [image_bytes(p, kind, mode) for p in random_images(40, 4, 4, 3)]
    data = load(write_table({"image": contents, "label": LABELS}))  # plain binary, without the struct
    assert data.image_shape == (4, 4, channels)


def test_a_palette_with_transparency_is_plain_colour(write_table, load) -> None:
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4) % 2, mode="P")
    image.putpalette([255, 0, 0, 0, 255, 0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes([0, 128]))
    data = load(write_table({"image": [buffer.getvalue()] * 40, "label": LABELS}), preprocessing="none")
    assert data.train.X[0, :6].tolist() == [1, 0, 0, 0, 1, 0]


def test_postscript_is_not_handed_to_a_program(write_table, refusal, random_images, image_bytes) -> None:
    path = write_table({"image": [image_bytes(random_images(1, 4, 4, 3)[0], "EPS")] * 40, "label": LABELS})
    assert ": none of JPEG" in refusal(path)


def test_one_colour_image_makes_all_colour(write_table, load, random_images, image_bytes) -> None:
    grey = random_images(40, 4, 4)
    contents = [image_bytes(p) for p in grey]
    contents[30] = image_bytes(np.stack([grey[30]] * 3, axis=-1))
    data = load(write_table({"image": contents, "label": LABELS}), preprocessing="none", test_fraction=0)
    assert data.image_shape == (4, 4, 3)
    assert np.array_equal(data.train.X[:, 0::3], data.train.X[:, 2::3])


def test_large_images_on_threads_are_the_same(random_images, image_bytes, monkeypatch) -> None:
    pixels = random_images(7, 97, 96, 3)[np.arange(600) % 7]
    contents = [image_bytes(p) for p in pixels[:7]]
    column = pa.chunked_array([[contents[row % 7] for row in range(600)]])
    monkeypatch.setattr(images_module, "available_cores", lambda: 3)
    found, shape = decode_images(column, str)
    assert shape == (97, 96, 3)
    assert np.array_equal(found, pixels.reshape(600, -1))


def test_other_columns_beside_images_are_ignored_and_named(write_table, load, random_images, image_bytes) -> None:
    contents = [image_bytes(p) for p in random_images(40, 4, 4)]
    data = load(write_table({"id": list(range(40)), "image": contents, "coarse": LABELS, "label": LABELS}))
    assert data.describe()["ignored_columns"] == ["id", "coarse"]


def test_images_of_unequal_size_are_refused_with_the_sizes(write_table, refusal, image_bytes) -> None:
    contents = [image_bytes(np.zeros((4, 6), np.uint8))] * 39 + [image_bytes(np.zeros((5, 7), np.uint8))]
    path = write_table({"image": contents, "label": LABELS})
    message = refusal(path)
    assert f"found 6x4 (width x height) in row 0 of {path} and 7x5 in row 39 of {path}" in message
    assert "Resize" in message


def corrupt(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(("kind", "reason"), [("JPEG", "truncated"), ("PNG", "")])
def test_a_broken_image_is_named(write_table, refusal, random_images, image_bytes, kind: str, reason: str) -> None:
    contents = [image_bytes(p, kind) for p in random_images(40, 40, 40, 3)]
    contents[7] = corrupt(contents[7])
    message = refusal(write_table({"image": structs(contents), "label": LABELS}))
    assert re.search(rf"row 7 of .*table.parquet is not: .*{reason}", message)


def test_what_is_no_image_or_no_bytes_is_named(write_table, refusal, image_bytes) -> None:
    good = image_bytes(np.zeros((4, 4), np.uint8))
    path = write_table({"image": structs([good] * 5 + [b"hello"] + [good] * 34), "label": LABELS})
    assert "row 5 of" in refusal(path)
    assert "is not: none of JPEG, PNG, WEBP" in refusal(path)
    assert "row 5 of" in (
        message := refusal(write_table({"image": structs([good] * 5 + [None] + [good] * 34), "label": LABELS}))
    )
    assert "it holds no bytes" in message
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    column = pa.array([*structs([good] * 5), None, *structs([good] * 34)], struct)
    assert "row 5 of" in refusal(write_table({"image": column, "label": LABELS}))


def test_sixteen_bit_images_are_refused(write_table, refusal) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(buffer, "PNG")
    message = refusal(write_table({"image": [buffer.getvalue()] * 40, "label": LABELS}))
    assert "8 bits a channel; 40 of 40 are not (row 0 of" in message
    assert message.count("its mode is I;16") == 3


def test_two_columns_of_images_need_a_choice(write_table, load, refusal, random_images, image_bytes) -> None:
    contents = [image_bytes(p) for p in random_images(40, 4, 4)]
    path = write_table({"left": contents, "right": contents, "label": LABELS})
    assert "one column of images; found left, right" in refusal(path)
    assert load(path, drop=["right"]).image_shape == (4, 4, 1)


def test_images_that_do_not_fit_into_memory_are_refused(write_table, refusal, image_bytes, monkeypatch) -> None:
    monkeypatch.setattr(images_module, "free_memory", lambda: 1000)
    path = write_table({"image": [image_bytes(np.zeros((40, 40), np.uint8))] * 40, "label": LABELS})
    assert "must fit into memory; 40 of 40x40 pixels take 0.0 GiB" in refusal(path)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_images_are_turned_as_their_exif_orientation_says(kind: str) -> None:
    upright = Image.fromarray(np.repeat(np.array([[0], [0], [255], [255]], np.uint8), 6, axis=1)).convert("RGB")
    options = {"lossless": True} if kind == "WEBP" else {}
    files = [
        encoded(upright, kind, **options),
        encoded(upright.transpose(Image.Transpose.ROTATE_90), kind, exif=turned(6), **options),
        encoded(upright.transpose(Image.Transpose.ROTATE_180), kind, exif=turned(3), **options),
    ]
    found, shape = decode_images(pa.chunked_array([files]), str)
    assert shape == (4, 6, 3)
    assert np.abs(found.astype(int) - found[0]).max() < 10
    assert found[0].reshape(shape)[:, 0, 0].tolist() == pytest.approx([0, 0, 255, 255], abs=10)


def test_a_model_of_images_that_were_not_turned_reads_later_ones_as_they_are() -> None:
    image = Image.fromarray(np.repeat(np.array([[0], [0], [255], [255]], np.uint8), 4, axis=1))
    table = pa.table({"image": [encoded(image, exif=turned(6))] * 30, "label": ["a", "b"] * 15})
    transform = dataset_in_memory(table, spec=DatasetSpec("memory:", preprocessing="none")).transform
    text = transform.to_json()
    old = FeatureTransform.from_json(text.replace('"upright": true, ', ""), where="here")
    assert old.to_json() != text
    new, kept = (match_memory(of, table.select(["image"])).X[0].reshape(4, 4) for of in (transform, old))
    np.testing.assert_allclose(kept, np.asarray(image) * PIXEL_SCALE, rtol=1e-6)
    assert np.array_equal(new, np.rot90(kept, -1))


def test_damaged_metadata_do_not_damage_a_picture() -> None:
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    broken = encoded(image.convert("RGB"), "WEBP", lossless=True, exif=b"Exif\0\0not a TIFF header")
    found, shape = decode_images(pa.chunked_array([[broken, encoded(image)]]), str)
    assert np.array_equal(found[0], found[1])
    assert shape == (4, 4, 3)


def test_an_image_larger_than_pillow_likes_is_decoded_and_a_bomb_refused(monkeypatch) -> None:
    column = pa.chunked_array([[encoded(Image.new("L", (40, 40)))]])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode_images(column, str)[1] == (40, 40, 1)  # warnings are errors here
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match="0 is not: it has more than 200 pixels"):
        decode_images(column, str)


def test_all_unusable_images_are_counted_also_the_first_and_from_threads(random_images, image_bytes) -> None:
    good = image_bytes(random_images(1, 96, 96, 3)[0])
    bad = corrupt(good)
    column = pa.chunked_array([[bad, good, None, *[good] * 297, b"text", *[good] * 298, bad]])
    with pytest.raises(DataError) as caught:
        decode_images(column, lambda row: f"row {row}")
    assert re.search(
        r"4 of 600 are not \(row 0: .*; row 2: it holds no bytes .*; row 300: none of JPEG", str(caught.value)
    )


def test_the_words_of_sizes_that_differ_are_those_of_the_caller_also_from_threads() -> None:
    column = pa.chunked_array([[encoded(Image.new("RGB", (size, 96))) for size in (96, 97)]])
    with worded(Arguments()), pytest.raises(DataError, match=re.escape('`dataset={"image_size": [96, 96]}`')):
        decode_images(column, str)
    with pytest.raises(DataError, match=r"--set 'dataset.image_size=\[96, 96\]'"):
        decode_images(column, str)


def test_later_images_become_those_of_training_or_are_refused() -> None:
    colour = pa.chunked_array([[encoded(Image.new("RGB", (8, 8), (9, 9, 9)))]])
    found, shape = decode_images(colour, str, ImageForm((4, 4), 1))
    assert (found.tolist(), shape) == ([[9] * 16], (4, 4, 1))
    with pytest.raises(DataError, match=r"must have 4x4 pixels .* as in training; found 8x8 in 0") as caught:
        decode_images(colour, str, ImageForm((4, 4), 3, resize=False))
    assert "image_size" not in str(caught.value)


@pytest.mark.parametrize(("mode", "channels"), [("CMYK", 3), ("RGBA", 3), ("LA", 1)])
def test_ink_and_transparency_are_plain_colour(mode: str, channels: int) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    found, shape = decode_images(pa.chunked_array([[encoded(Image.new(mode, (3, 2)), kind)]]), str)
    assert shape == (2, 3, channels)
    assert found.tolist() == [[255 if mode == "CMYK" else 0] * 6 * channels]
