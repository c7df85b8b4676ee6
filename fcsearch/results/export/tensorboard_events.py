"""A run's trials for TensorBoard: a folder of event files a trial, with scalars and hyperparameters."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import (
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    create_summary_metadata,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from fcsearch.results.directory import RunDirectory
from fcsearch.results.export.history import History, histories, require_free, run_name

# It has none of its own.
ERRORS: tuple[type[Exception], ...] = ()

_STATUS = {
    "complete": "STATUS_SUCCESS",
    "stopped": "STATUS_SUCCESS",
    "diverged": "STATUS_FAILURE",
    "failed": "STATUS_FAILURE",
    "unfinished": "STATUS_UNKNOWN",
}


def write(run: RunDirectory, folder: Path) -> list[Path]:
    """Write `RUN/trial-000012/events.out.tfevents...` for each trial; errors as `write_trials`."""
    place = folder / run_name(run)
    require_free(run, place.exists(), folder)
    aside = folder / f".{place.name}.part"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()
        for history in histories(run):
            _write_trial(history, aside / history.name)
        aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return [place]


def _write_trial(history: History, folder: Path) -> None:
    writer = EventFileWriter(str(folder))
    try:
        for event in _events(history):
            writer.add_event(event)
    finally:
        writer.close()
    for path in folder.iterdir():
        # Its name says on which machine it was written.
        path.rename(folder / f"events.out.tfevents.{round(history.started.timestamp())}")


def _events(history: History) -> Iterator[Event]:
    started, finished = history.started.timestamp(), history.finished.timestamp()
    begin = SessionStartInfo(start_time_secs=started)
    for name, value in {**history.parameters, "state": history.state}.items():
        setattr(begin.hparams[name], "string_value" if isinstance(value, str) else "number_value", value)
    yield Event(summary=_session(SESSION_START_INFO_TAG, session_start_info=begin), wall_time=started)
    for epoch in history.epochs:
        yield Event(summary=_scalars(epoch.figures), step=epoch.number, wall_time=epoch.time)
    yield Event(summary=_scalars(history.results), wall_time=finished)
    end = SessionEndInfo(status=Status.Value(_STATUS[history.state]), end_time_secs=finished)
    yield Event(summary=_session(SESSION_END_INFO_TAG, session_end_info=end), wall_time=finished)


def _session(tag: str, **content: SessionStartInfo | SessionEndInfo) -> Summary:
    return Summary(value=[Summary.Value(tag=tag, metadata=create_summary_metadata(HParamsPluginData(**content)))])


def _scalars(figures: Mapping[str, float]) -> Summary:
    return Summary(value=[Summary.Value(tag=name, simple_value=figure) for name, figure in figures.items()])
