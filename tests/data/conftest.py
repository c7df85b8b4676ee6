"""Small files in the real formats, and a web server on loopback."""

import functools
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fcsearch.data import Dataset, DatasetSpec, load_dataset
from fcsearch.errors import DataError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache, or sees data that the user has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("FCSEARCH_DATA", raising=False)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server: its address, and the folder that it serves."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", folder
        server.shutdown()
        thread.join()


@pytest.fixture
def image_bytes() -> Callable[..., bytes]:
    """Encodes pixels, (height, width) or (height, width, channels) uint8, as an image file."""

    def encode(pixels: Any, kind: str = "PNG", mode: str | None = None) -> bytes:
        image = Image.fromarray(np.asarray(pixels))
        buffer = io.BytesIO()
        (image if mode is None else image.convert(mode)).save(buffer, kind)
        return buffer.getvalue()

    return encode


@pytest.fixture
def random_images() -> Callable[..., np.ndarray]:
    """Random images, (n, height, width, channels) uint8."""
    return lambda n, *shape: np.random.RandomState(0).randint(0, 256, (n, *shape)).astype(np.uint8)


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns into a Parquet file."""

    def write(columns: dict[str, Any], name: str = "table.parquet", metadata: dict[str, str] | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.table(columns)
        pq.write_table(table.replace_schema_metadata(metadata), path)
        return path

    return write


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes text into a file."""

    def write(text: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def load() -> Callable[..., Dataset]:
    """Loads a source with options."""
    return lambda source, **options: load_dataset(DatasetSpec(str(source), **options))


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Loads a source that must be refused; returns the message."""

    def attempt(source: Any, **options: Any) -> str:
        with pytest.raises(DataError) as caught:
            load_dataset(DatasetSpec(str(source), **options))
        return str(caught.value)

    return attempt
