"""A tiny API server that is written twice, and captured as the recorder would.

The first server is kwlab's; this is the other one: dumb, without a window or an index, and the
source of captures whose every line is known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

TEXT = "Größe <b> & „Zeit“ ☃"


@dataclass
class Cluster:
    """Hold every state of one resource type, in order, and answer from it by going through all."""

    kind: str
    api_version: str
    namespace: str
    first: int = 500
    states: list[tuple[float, str, dict[str, Any], dict[str, Any] | None]] = field(
        default_factory=list
    )
    alive: dict[str, dict[str, Any]] = field(default_factory=dict)
    born: int = 0

    def add(self, at: float, name: str, **labels: str) -> None:
        self.born += 1
        value = {
            "kind": self.kind,
            "apiVersion": self.api_version,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "uid": f"uid-{self.born}",
                "resourceVersion": "",
                "labels": labels,
                "annotations": {"about": TEXT, "tick": "\u2028"},
            },
            "data": {"k": TEXT},
        }
        self._keep(at, "ADDED", value, None)

    def modify(self, at: float, name: str, **labels: str) -> None:
        was = self.alive[name]
        self._keep(at, "MODIFIED", json.loads(json.dumps(was)), was, labels)

    def delete(self, at: float, name: str) -> None:
        was = self.alive[name]
        self._keep(at, "DELETED", json.loads(json.dumps(was)), was)

    def _keep(
        self,
        at: float,
        kind: str,
        value: dict[str, Any],
        was: dict[str, Any] | None,
        labels: dict[str, str] | None = None,
    ) -> None:
        # Other resources share the sequence, so one type's resourceVersions have holes.
        value["metadata"]["resourceVersion"] = str(self.first + 3 * (len(self.states) + 1))
        if labels is not None:
            value["metadata"]["labels"] = labels
        name = value["metadata"]["name"]
        self.alive[name] = value
        if kind == "DELETED":
            del self.alive[name]
        self.states.append((at, kind, value, was))

    def at(self, moment: float) -> dict[str, dict[str, Any]]:
        """Give what existed, by name."""
        state: dict[str, dict[str, Any]] = {}
        for at, kind, value, _ in self.states:
            if at <= moment:
                state[value["metadata"]["name"]] = value
                if kind == "DELETED":
                    del state[value["metadata"]["name"]]
        return state

    def version(self, moment: float) -> int:
        done = [value for at, _, value, _ in self.states if at <= moment]
        return int(done[-1]["metadata"]["resourceVersion"]) if done else self.first


def go_json(value: Any) -> str:
    """Encode as Go's encoding/json does."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for plain in "<>&\u2028\u2029":
        text = text.replace(plain, f"\\u{ord(plain):04x}")
    return text


def line(kind: str, value: dict[str, Any]) -> str:
    return f'{{"type":"{kind}","object":{go_json(value)}}}'


def watched(
    cluster: Cluster,
    asked: float,
    closed: float,
    *,
    version: int | None = None,
    label: tuple[str, str] | None = None,
    late: float = 0.0,
) -> list[dict[str, Any]]:
    """Give the lines of one watch; its clients hear of everything ``late`` seconds later."""

    def selects(value: dict[str, Any] | None) -> bool:
        if value is None:
            return False
        return label is None or value["metadata"]["labels"].get(label[0]) == label[1]

    lines = []
    if version is None:
        state = cluster.at(asked)
        for name in sorted(state, key=str.encode):
            if selects(state[name]):
                lines.append({"t": round(asked + late, 3), "line": line("ADDED", state[name])})
        version = cluster.version(asked)
    for at, kind, value, was in cluster.states:
        if int(value["metadata"]["resourceVersion"]) <= version or at > closed:
            continue
        now = kind != "DELETED" and selects(value)
        told = "MODIFIED" if now and selects(was) else "ADDED" if now else "DELETED"
        if not now and not selects(was):
            continue
        sent = value
        if told == "DELETED" and kind != "DELETED":
            assert was is not None
            mark = value["metadata"]["resourceVersion"]
            sent = {**was, "metadata": {**was["metadata"], "resourceVersion": mark}}
        lines.append({"t": round(max(at, asked) + late, 3), "line": line(told, sent)})
    return lines


def capture(
    cluster: Cluster, path: str, attempts: dict[str, list[dict[str, Any]]], *, late: float = 0.0
) -> dict[str, Any]:
    """Make a capture; the long watch begins at the list, at 0 seconds."""
    items = []
    state = cluster.at(0.0)
    for name in sorted(state, key=str.encode):
        items.append({k: v for k, v in state[name].items() if k not in {"kind", "apiVersion"}})
    return {
        "header": {
            "server": "1.37.2",
            "resource": path.rsplit("/", 1)[1],
            "path": path,
            "recorded": "2026-11-23T05:13:16+00:00",
        },
        "list": {
            "kind": f"{cluster.kind}List",
            "apiVersion": cluster.api_version,
            "metadata": {"resourceVersion": str(cluster.version(0.0))},
            "items": items,
        },
        "watch": watched(cluster, 0.0, 1e9, version=cluster.version(0.0), late=late),
        **attempts,
        "changes": [],
    }
