"""Make the recordings of the rig anew: ``make rig``, then ``python -m tests.make_recordings``.

A real kube-apiserver is changed by a script while ``python -m kwlab record`` records it, with a
wrong and a correct loop beside it. The recordings go to the package, and what the loops were sent
to the tests, which ask the embedded server the same.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kwlab import recording
from tests.convert_capture import as_shown, recorded_attempts
from tests.realserver import RealServer

RECORDINGS: Final = Path(recording.__file__).parent / "recordings"
ATTEMPTS: Final = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Pods:
    """Change the pods of one namespace of a real server."""

    server: RealServer
    namespace: str

    def add(self, name: str) -> None:
        app = name.partition("-")[0]
        self.server.core.create_namespaced_pod(
            self.namespace,
            {
                "metadata": {"name": name, "labels": {"app": app}},
                "spec": {
                    "schedulerName": "kwlab-nobody",
                    "automountServiceAccountToken": False,
                    "containers": [{"name": "main", "image": "registry.example/main:1"}],
                },
            },
        )

    def run(self, name: str) -> None:
        status = {"status": {"phase": "Running"}}
        self.server.core.patch_namespaced_pod_status(name, self.namespace, status)

    def label(self, name: str, value: str) -> None:
        labels: dict[str, Any] = {"metadata": {"labels": {"release": value}}}
        self.server.core.patch_namespaced_pod(name, self.namespace, labels)

    def delete(self, name: str) -> None:
        self.server.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)


Act = tuple[float, Callable[[Pods], None]]
"""What is done, and when, in seconds after the recording has begun."""


def add(at: float, name: str) -> Act:
    return at, lambda pods: pods.add(name)


def run(at: float, name: str) -> Act:
    return at, lambda pods: pods.run(name)


def label(at: float, name: str, value: str) -> Act:
    return at, lambda pods: pods.label(name, value)


def delete(at: float, name: str) -> Act:
    return at, lambda pods: pods.delete(name)


@dataclass(frozen=True)
class Plan:
    """Say what a recording shows."""

    name: str
    seconds: float
    existing: Sequence[str]
    acts: Sequence[Act]
    more: Sequence[str]


AWAY: Final = ("--loop-seconds", "6", "--away", "2", "--cut", "6:2", "--cut", "14:2")
PLANS: Final = (
    # The loops are away from 6 to 8 and from 14 to 16 seconds.
    Plan(
        "pods-outage",
        22.0,
        ("web-0", "web-1", "web-2", "db-0"),
        (
            run(1.0, "web-0"),
            run(2.0, "web-1"),
            label(3.5, "web-2", "2"),
            add(4.5, "job-0"),
            delete(6.7, "web-1"),
            label(7.0, "web-0", "2"),
            delete(7.3, "job-0"),
            run(9.5, "db-0"),
            add(11.0, "job-1"),
            label(12.5, "web-0", "3"),
            run(14.7, "job-1"),
            delete(15.0, "web-2"),
            delete(15.3, "job-1"),
            add(17.5, "web-3"),
            run(18.5, "web-3"),
            label(19.5, "web-0", "4"),
        ),
        AWAY,
    ),
    Plan(
        "pods-recreated",
        22.0,
        ("db-0", "db-1", "web-0"),
        (
            run(1.0, "db-0"),
            run(1.5, "db-1"),
            delete(3.0, "db-1"),
            add(3.5, "db-1"),
            run(4.5, "db-1"),
            delete(6.7, "db-0"),
            add(7.1, "db-0"),
            delete(7.3, "web-0"),
            run(9.5, "db-0"),
            delete(10.5, "db-1"),
            add(12.0, "db-1"),
            delete(14.7, "db-1"),
            add(15.0, "db-1"),
            delete(15.2, "db-1"),
            add(15.4, "db-1"),
            run(17.0, "db-1"),
            label(19.0, "db-0", "2"),
        ),
        AWAY,
    ),
    Plan(
        "pods-from-nothing",
        22.0,
        (),
        (
            add(2.0, "web-0"),
            add(2.5, "web-1"),
            run(3.5, "web-0"),
            run(4.0, "web-1"),
            add(5.0, "job-0"),
            delete(6.8, "job-0"),
            label(7.2, "web-1", "2"),
            add(9.0, "web-2"),
            run(10.0, "web-2"),
            label(12.0, "web-0", "2"),
            delete(14.8, "web-1"),
            add(15.2, "job-1"),
            run(17.0, "job-1"),
            delete(19.0, "job-1"),
        ),
        (*AWAY, "--from-nothing"),
    ),
    Plan(
        "pods-500",
        12.0,
        tuple(f"web-{number:03d}" for number in range(500)),
        (
            run(1.0, "web-000"),
            label(2.0, "web-499", "2"),
            add(3.0, "job-0"),
            delete(5.7, "web-250"),
            delete(6.1, "job-0"),
            label(8.0, "web-000", "2"),
            add(9.0, "job-1"),
        ),
        ("--loop-seconds", "5", "--away", "2", "--cut", "5:2"),
    ),
)


def make(server: RealServer, plan: Plan, folder: Path) -> Path:
    """Record what a plan does to a new namespace."""
    namespace = f"kwlab-{plan.name}"
    server.core.create_namespace({"metadata": {"name": namespace}})
    pods = Pods(server, namespace)
    for name in plan.existing:
        pods.add(name)
    path = folder / f"{plan.name}.jsonl.gz"
    with recording_to(path, server, namespace, plan) as process:
        began = time.monotonic()
        for at, act in plan.acts:
            time.sleep(max(0.0, began + at - time.monotonic()))
            act(pods)
        _, said = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    return path


@contextmanager
def recording_to(
    path: Path, server: RealServer, namespace: str, plan: Plan
) -> Iterator[subprocess.Popen[str]]:
    """Run the recorder, and go on when it has begun."""
    options = {"context": "admin", "resource": "pods", "namespace": namespace}
    options |= {"seconds": f"{plan.seconds:g}", "output": str(path), "beside": "wrong-and-correct"}
    command = [sys.executable, "-m", "kwlab", "record", "--without-managed-fields", *plan.more]
    for name, value in options.items():
        command += [f"--{name}", value]
    environment = {**os.environ, "KUBECONFIG": server.kubeconfig}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) and not line.startswith("Recording"):
            print(line, end="")
        yield process


def ship(made: Path) -> None:
    """Put a recording where it is shipped, at times that agree with what its loops were sent."""
    name = made.name.removesuffix(".jsonl.gz")
    beside = made.with_name(f"{name}.attempts.jsonl.gz")
    shown = as_shown(recording.load(made), recorded_attempts(beside))
    recording.save(shown, RECORDINGS / made.name)
    packed = gzip.compress(gzip.decompress(beside.read_bytes()), mtime=0)
    (ATTEMPTS / beside.name).write_bytes(packed)
    size = (RECORDINGS / made.name).stat().st_size
    print(f"{name}: {len(shown.items)} objects, {len(shown.changes)} changes, {size:,} bytes")


def main(wanted: Sequence[str]) -> None:
    """Make the recordings of these names, or all of them."""
    with RealServer() as server, tempfile.TemporaryDirectory() as folder:
        for plan in PLANS:
            if not wanted or plan.name in wanted:
                ship(make(server, plan, Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
