"""The recorder against a real API server: what it writes is what the real one did and sent."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes.client import RbacAuthorizationV1Api
from kubernetes.client.exceptions import ApiException

from kwlab import history, recording
from kwlab.commands import main
from kwlab.history import History
from kwlab.recorder.asking import Source
from kwlab.server.faults import FaultyServer
from kwlab.wire import EventType
from tests.conftest import SEED
from tests.convert_capture import Attempt, as_shown, recorded_attempts
from tests.realserver import RealServer
from tests.test_fidelity import BOOKMARK, assert_same, sent_directly, sent_through_the_door

pytestmark = pytest.mark.needs("rig")

SECONDS: Final = 12.0
LOOP_SECONDS: Final = 3
PAUSE_SECONDS: Final = 0.15
"""How long the driver waits between changes, at most: some happen in one instant."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, realserver: RealServer) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", realserver.kubeconfig)


def arguments(namespace: str, *more: str, context: str = "admin") -> list[str]:
    return ["record", "--context", context, "--namespace", namespace, "--output", "my.jsonl", *more]


@contextmanager
def recording_beside(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends, and then to its own end; it has begun to record."""
    program = [sys.executable, "-m", "kwlab", *command]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            while not (line := process.stderr.readline()).startswith("Recording"):
                assert line, "it ended before it began"
            yield process
            _, said = process.communicate(timeout=60)
            assert 0 == process.returncode, said
        finally:
            process.kill()


@dataclass
class Driver:
    """Change pods and configmaps of one namespace at random."""

    server: RealServer
    namespace: str
    random: random.Random
    alive: dict[str, list[str]] = field(default_factory=lambda: {"pod": [], "config_map": []})
    done: int = 0

    def furnish(self) -> None:
        for _ in range(4):
            for kind in self.alive:
                self.add(kind)

    def change(self) -> None:
        kind = self.random.choice([*self.alive])
        self.random.choice((self.add, self.modify, self.modify, self.delete, self.recreate))(kind)
        self.done += 1

    def call(self, verb: str, kind: str, *what: Any, **how: Any) -> None:
        getattr(self.server.core, f"{verb}_namespaced_{kind}")(*what, **how)

    def add(self, kind: str, name: str = "") -> None:
        stem = self.random.choice(("m", "m-", "m.", "web-"))
        name = name or f"{stem}{self.random.randrange(99)}x"
        body: dict[str, Any] = {"metadata": {"name": name, "labels": {"app": "web"}}}
        if kind == "pod":
            body["spec"] = {"containers": [{"name": "c", "image": "registry.example/i:1"}]}
        else:
            body["data"] = {"k": f"Größe <b> & „Zeit“ ☃ \u2028 {self.random.random()}"}
        try:
            self.call("create", kind, self.namespace, body)
        except ApiException as error:
            assert error.status == 409
        else:
            self.alive[kind].append(name)

    def modify(self, kind: str) -> None:
        if self.alive[kind]:
            name = self.random.choice(self.alive[kind])
            labels = {"metadata": {"labels": {"n": str(self.random.randrange(99))}}}
            self.call("patch", kind, name, self.namespace, labels)

    def delete(self, kind: str) -> str:
        if not self.alive[kind]:
            return ""
        name = self.alive[kind].pop(self.random.randrange(len(self.alive[kind])))
        self.call("delete", kind, name, self.namespace, grace_period_seconds=0)
        return name

    def recreate(self, kind: str) -> None:
        self.add(kind, self.delete(kind))


@dataclass(frozen=True)
class Told:
    """Hold what was recorded, and what loops beside it were sent."""

    raw: recording.Recording
    attempts: list[Attempt]
    driven: int

    def played(self) -> History:
        """Give the history, each change on that side of a question where the answers show it."""
        return history.from_recording(as_shown(self.raw, self.attempts))


@pytest.fixture(scope="module")
def told(realserver: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Drive the real server at random, and record it with its loops."""
    print(f"KWLAB_SEED={SEED}")
    path = tmp_path_factory.mktemp("random") / "my.jsonl"
    namespace = realserver.new_namespace("random")
    driver = Driver(realserver, namespace, random.Random(SEED))
    driver.furnish()
    beside = ["--beside", "wrong-and-correct", "--loop-seconds", f"{LOOP_SECONDS}", "--away", "0.7"]
    both = ["--resource", "pods", "--resource", "configmaps", "--seconds", f"{SECONDS:g}"]
    pause = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", realserver.kubeconfig)
        command = arguments(namespace, *both, *beside, "--output", str(path))
        with recording_beside(*command) as process:
            while process.poll() is None:
                driver.change()
                pause.wait(driver.random.choice((0.0, PAUSE_SECONDS)))
    attempts = recorded_attempts(path.with_name("my.attempts.jsonl"))
    return Told(recording.load(path), attempts, driver.done)


def test_the_random_run_shows_something(told: Told) -> None:
    """Both loops came back often, of both types, and there were deletions to be lost."""
    assert told.driven > 50
    kinds = {change.type for change in told.raw.changes}
    assert {EventType.ADDED, EventType.MODIFIED, EventType.DELETED} == kinds
    asked = {(one.loop, one.path.rpartition("/")[2]) for one in told.attempts}
    assert {*product(("wrong", "correct"), ("pods", "configmaps"))} == asked
    assert len(told.attempts) >= 12


def assert_told(one: Attempt, sent: Sequence[bytes]) -> None:
    """Compare line by line; bookmarks only where the watch was heard to its end."""
    if one.closed >= one.asked + LOOP_SECONDS:
        assert_same(one.lines, sent)
    else:
        # A bookmark comes at some moment of the last seconds, which was heard in part.
        real, ours = ([x for x in y if not x.startswith(BOOKMARK)] for y in (one.lines, sent))
        assert real == ours


def test_the_embedded_server_sends_the_lines_that_the_real_one_sent(told: Told) -> None:
    """Each recorded query, at its recorded time, is answered with the same lines."""
    past = told.played()
    for one in told.attempts:
        assert_told(one, sent_directly(FaultyServer(past), one))


def test_the_same_lines_come_through_the_door(told: Told) -> None:
    """And so the official client is told the same."""
    past = told.played()
    for one in told.attempts:
        assert_told(one, sent_through_the_door(past, one))


def test_it_names_its_server_and_is_in_order(told: Told, realserver: RealServer) -> None:
    """The header has the server's version, and the changes of both types one sequence."""
    assert realserver.version.startswith(f"v{told.raw.header.server}.")
    versions = [int(change.item.identity.resource_version) for change in told.raw.changes]
    assert sorted(versions) == versions
    moments = [change.at for change in told.raw.changes]
    assert sorted(moments) == moments


def test_no_secret_of_the_rig_is_in_a_file(realserver: RealServer) -> None:
    """Neither the token that was used, nor the address, nor who it was."""
    namespace = realserver.new_namespace("planted")
    realserver.core.create_namespaced_secret(
        namespace, {"metadata": {"name": "s"}, "stringData": {"password": "planted-password"}}
    )
    Driver(realserver, namespace, random.Random(1)).furnish()
    variable = {"name": "PASSWORD", "value": "planted-value"}
    container = {"name": "c", "image": "registry.example/i:1", "env": [variable]}
    pod = {"metadata": {"name": "with-env"}, "spec": {"containers": [container]}}
    realserver.core.create_namespaced_pod(namespace, pod)
    both = ("--resource", "pods", "--resource", "configmaps")
    command = arguments(namespace, *both, "--without-env-values")
    beside = ("--beside", "wrong-and-correct", "--loop-seconds", "1", "--away", "0")
    assert 0 == main([*command, "--seconds", "2.5", *beside])
    address = realserver.url.removeprefix("https://")
    of_mine = (*realserver.tokens.values(), "planted-password", "planted-value")
    planted = [*of_mine, address, "Authorization", "Bearer"]
    for name in ("my.jsonl", "my.attempts.jsonl"):
        text = Path(name).read_text(encoding="utf-8")
        assert len(text) > 2000
        assert [] == [each for each in planted if each in text]
        assert "PASSWORD" in text


def last_line(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert 1 == main(list(command))
    *_, line = capsys.readouterr().err.splitlines()
    assert not Path("my.jsonl").exists()
    return line


@pytest.mark.parametrize("word", ["secrets", "secret", "serviceaccounts/token", "tokenreviews"])
def test_secrets_are_refused(
    realserver: RealServer, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also to an administrator, who may read them."""
    command = arguments(realserver.namespace, "--resource", word, "--seconds", "1")
    assert f"kwlab: {word} may hold credentials" in last_line(capsys, *command)


def test_no_permission_is_one_line(
    realserver: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says who may not do what, and where; and there is no file."""
    elsewhere = realserver.new_namespace("forbidden")
    command = arguments(elsewhere, "--resource", "pods", "--seconds", "1", context="viewer")
    line = last_line(capsys, *command)
    assert f"may not list pods in namespace {elsewhere} (context viewer)" in line


def test_one_who_may_list_and_not_watch_is_told_before_the_file(
    realserver: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing watch is found out before anything is written."""
    namespace = realserver.new_namespace("listing")
    rbac = RbacAuthorizationV1Api(realserver.client())
    about = {"metadata": {"name": "lists"}}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    rbac.create_namespaced_role(namespace, {**about, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lists"}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}]
    rbac.create_namespaced_role_binding(namespace, {**about, "roleRef": role, "subjects": subjects})
    command = arguments(
        namespace, "--resource", "pods", "--seconds", "1", "--from-nothing", context="viewer"
    )
    assert "may not watch pods in namespace" in last_line(capsys, *command)


def test_what_cannot_be_watched_is_one_line(
    realserver: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A review can only be created."""
    word = "selfsubjectaccessreviews"
    command = arguments(realserver.namespace, "--resource", word, "--seconds", "1")
    assert f"{word} cannot be listed and watched" in last_line(capsys, *command)


def test_what_happens_between_two_lists_is_a_change(
    realserver: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several types are listed at one resourceVersion, whatever changes meanwhile."""
    namespace = realserver.new_namespace("between")
    driver = Driver(realserver, namespace, random.Random(3))
    driver.add("pod", "early")
    listed = Source._list

    def meanwhile(source: Source, resource: Any, version: str) -> Any:
        found = listed(source, resource, version)
        driver.add("config_map", f"after-{resource.plural}")
        return found

    monkeypatch.setattr(Source, "_list", meanwhile)
    both = ("--resource", "pods", "--resource", "configmaps", "--seconds", "0.7")
    assert 0 == main(arguments(namespace, *both))
    found = recording.load("my.jsonl")
    assert ["early"] == [item.identity.name for item in found.items]
    changed = [change.item.identity.name for change in found.changes]
    assert ["after-pods", "after-configmaps"] == changed


def test_a_long_list_is_read_page_by_page(
    realserver: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages of two types have one resourceVersion, and no object is missing or twice."""
    monkeypatch.setattr("kwlab.recorder.asking.PAGE_SIZE", 3)
    namespace = realserver.new_namespace("pages")
    driver = Driver(realserver, namespace, random.Random(2))
    driver.furnish()
    both = ("--resource", "pods", "--resource", "configmaps", "--seconds", "0.2")
    assert 0 == main(arguments(namespace, *both))
    found = recording.load("my.jsonl")
    names = sorted(item.identity.name for item in found.items)
    assert sorted(driver.alive["pod"] + driver.alive["config_map"]) == names
