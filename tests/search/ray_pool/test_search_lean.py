"""A local Ray starts no part that a search does not use; what is private to Ray is still there."""

from typing import Any

import pytest
from ray._private import services, state

from fcsearch.search.ray_pool import lean


def test_this_ray_has_all_that_is_left_out_or_replaced() -> None:
    # Where this fails, Ray has changed: searches start all the same, and slower.
    assert [name for name in lean.UNUSED if not hasattr(lean.Node, name)] == []
    assert lean.can_look()


def test_what_is_replaced_is_put_back() -> None:
    def parts() -> list[Any]:
        return [*(getattr(lean.Node, name) for name in lean.UNUSED), services.get_node]

    before = parts()
    with lean.lean_ray():
        assert not any(now is then for now, then in zip(parts(), before, strict=True))
        assert lean.Node.start_monitor(None) is None
    assert parts() == before


def test_a_ray_without_these_parts_is_started_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(lean.Node, "start_monitor")
    monkeypatch.delattr(state.GlobalState, "node_table")
    get_node = services.get_node
    with lean.lean_ray():
        assert not hasattr(lean.Node, "start_monitor")
        assert services.get_node is get_node


def test_a_node_is_asked_for_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [[], [{"NodeID": "other"}], [{"NodeID": "other"}, {"NodeID": "ours"}]]
    looks = iter(tables)
    asked: list[tuple[str, str, int]] = []

    class State:
        def _initialize_global_state(self, options: object) -> None:
            assert options == "options of host:1"

        def node_table(self) -> list[dict[str, str]]:
            return next(looks)

    monkeypatch.setattr(state, "GlobalState", State)
    monkeypatch.setattr(services, "_get_gcs_client_options", lambda address: f"options of {address}")
    monkeypatch.setattr(services, "get_node", lambda *node: asked.append((*node, len(list(looks)))))
    with lean.lean_ray():
        services.get_node("host:1", "ours")
    # Once, after the last look.
    assert asked == [("host:1", "ours", 0)]
