"""Storage that refuses for a while is waited for, by a search alone."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fcsearch.errors import RunError
from fcsearch.results import files
from fcsearch.results.patience import Patience, patient, patiently, storage_wait


class Storage:
    """Refuses the first writes."""

    def __init__(self, refusals: int, number: int = errno.ENOSPC) -> None:
        self.refusals, self.number = refusals, number
        self.waits: list[str | None] = []

    def write(self) -> str:
        self.waits.append(storage_wait())
        if len(self.waits) <= self.refusals:
            raise OSError(self.number, os.strerror(self.number))
        return "done"


def patience(
    folder: Path, said: list[str], *, hurried: Callable[[], bool] = lambda: False, seconds: float = 60
) -> Patience:
    return Patience(folder, said.append, hurried, seconds=seconds, again=0)


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (errno.ENOSPC, r"\(No space left on device\): free space there \([\d,]+ bytes are free\)"),
        (errno.EROFS, r"\(Read-only file system\): make it writable"),
        (errno.EIO, r"\(Input/output error\): look after its disk or server"),
        (errno.ETIMEDOUT, r"\(Connection timed out\): look after its disk or server"),
    ],
)
def test_it_is_asked_again_until_it_writes(number: int, found: str, tmp_path: Path) -> None:
    storage, said = Storage(3, number), []
    with patient(patience(tmp_path, said)):
        assert patiently(storage.write) == "done"
        assert storage_wait() is None
    assert storage.waits[0] is None
    assert len(storage.waits) == 4
    # Said once when the wait begins, and once when it ends; in between it can be asked for.
    assert len(said) == 2
    assert re.search(rf"since [\d:]{{8}} UTC .* cannot be written {found}; the search waits up to 1 min", said[0])
    assert storage.waits[1:] == [said[0]] * 3
    assert "can be written again after" in said[1]


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG])
def test_what_does_not_pass_by_itself_is_not_waited_for(number: int, tmp_path: Path) -> None:
    storage, said = Storage(1, number), []
    with patient(patience(tmp_path, said)), pytest.raises(OSError, match=os.strerror(number)):
        patiently(storage.write)
    assert said == []


def test_the_wait_has_an_end(tmp_path: Path) -> None:
    storage = Storage(1000)
    with patient(patience(tmp_path, [], seconds=-1)), pytest.raises(OSError, match="No space left"):
        patiently(storage.write)


def test_after_a_wait_in_vain_the_next_write_is_refused_at_once_until_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a search that cannot be written ends once: it does not wait as long again to record its end."""
    storage, said, now = Storage(1000), list[str](), [0.0]
    monkeypatch.setattr("fcsearch.results.patience.time", SimpleNamespace(monotonic=lambda: now[0]))

    def write() -> str:
        now[0] += 1
        return storage.write()

    with patient(patience(tmp_path, said, seconds=10)):
        tries = []
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                patiently(write)
            tries.append(len(storage.waits))
        assert tries == [11, 12]
        assert len(said) == 1
        storage.refusals = 0
        patiently(write)
        storage.refusals = len(storage.waits) + 3
        assert patiently(write) == "done"


def test_the_user_can_end_it(tmp_path: Path) -> None:
    storage = Storage(1000)
    with (
        patient(patience(tmp_path, [], hurried=lambda: len(storage.waits) >= 5)),
        pytest.raises(OSError, match="No space left"),
    ):
        patiently(storage.write)
    assert len(storage.waits) == 5
    assert storage_wait() is None


def test_other_commands_are_refused_at_once(tmp_path: Path) -> None:
    storage = Storage(1)
    with pytest.raises(RunError, match="must be writable; found: No space left on device; free space or allow it"):
        files.write_whole(tmp_path / "x", lambda _: storage.write(), aside=tmp_path)
    with patient(patience(tmp_path, [])):
        storage = Storage(1)
        files.write_whole(tmp_path / "x", lambda stream: stream.write(storage.write().encode()), aside=tmp_path)
    assert (tmp_path / "x").read_text() == "done"


def test_a_read_that_succeeds_does_not_say_that_it_can_be_written(tmp_path: Path) -> None:
    said: list[str] = []
    own = patience(tmp_path, said, seconds=-1)
    for _ in range(2):
        # The second one, such as the run's end, is not waited for, though the folder can be read.
        storage = Storage(1000)
        with pytest.raises(OSError, match="No space left"):
            own.do(storage.write)
        assert own.do(lambda: "read", writes=False) == "read"
    assert len(storage.waits) == 1
    assert own.do(lambda: "written") == "written"
    own.do(Storage(0).write)
    assert said == []


def test_what_another_call_waits_for_stays(tmp_path: Path) -> None:
    said: list[str] = []
    own = patience(tmp_path, said)
    storage = Storage(2)

    def write() -> str:
        # As another thread would, in the meantime.
        own.do(lambda: None, writes=False)
        return storage.write()

    with patient(own):
        assert patiently(write) == "done"
    assert storage.waits == [None, said[0], said[0]]
    assert len(said) == 2


def test_a_read_is_said_to_be_one(tmp_path: Path) -> None:
    said: list[str] = []
    patience(tmp_path, said).do(Storage(1, errno.EIO).write, writes=False)
    assert [re.sub(r".* cannot | \(.*", "", said[0]), re.sub(r".* can | again.*", "", said[1])] == [
        "be read",
        "be read",
    ]
