"""The pages in ``docs/`` say what the code says, and the programs on them run as they stand."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

import kwlab
from kwlab.made import Step
from kwlab.server import faults
from kwlab.server.serve import Served
from tests import write_docs
from tests.apart import run_apart
from tests.histories import NAMESPACE, pods, shipped
from tests.notebook_files import ROOT
from tests.realserver import RealServer

PAGES: Final = sorted((ROOT / "docs").glob("*.md"))
PROGRAM: Final = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS: Final = dict(PROGRAM.findall((ROOT / "docs" / "controller.md").read_text("utf-8")))
CUTS: Final = (faults.Cut(at=30, away_seconds=15), faults.Cut(at=80), faults.Cut(at=130))
SPEED: Final = 25.0
WAIT_SECONDS: Final = 30.0


def test_the_tables_are_what_the_code_says() -> None:
    """docs/resumption.md is what ``python -m tests.write_docs`` writes."""
    page = write_docs.PAGE.read_text("utf-8")

    assert page == write_docs.written(page)
    assert set(write_docs.TABLES) == set(re.findall(r"table: (\w+)", page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leads_nowhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))

    assert [] == [each for each in links if "://" not in each and not (page.parent / each).exists()]


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextmanager
def running(
    name: str, folder: Path, kubeconfig: Path, *arguments: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a program of the page; its output goes to a file beside it."""
    program = folder / name
    program.write_text(PROGRAMS[name])
    with (
        (folder / "printed").open("a") as printed,
        subprocess.Popen(
            [sys.executable, program, *arguments],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.needs("rig")
def test_the_controller(realserver: RealServer, tmp_path: Path) -> None:
    """It writes what a real cluster has, also nothing, and ends silently on SIGTERM."""
    space, core = realserver.new_namespace("docs"), realserver.core

    def found() -> dict[str, str] | None:
        maps = {each.metadata.name: each for each in core.list_namespaced_config_map(space).items}
        return maps["pods-by-app"].data if "pods-by-app" in maps else None

    def make(name: str, app: str) -> None:
        core.create_namespaced_pod(
            space,
            {
                "metadata": {"name": name, "labels": {"app": app}},
                "spec": {"containers": [{"name": "c", "image": "none"}]},
            },
        )

    make("web-1", "web")
    with running("controller.py", tmp_path, realserver.kubeconfig, space) as process:
        until(lambda: found() == {"web": "1"}, "the first list is written")
        make("web-2", "web")
        make("job-1", "job")
        until(lambda: found() == {"web": "2", "job": "1"}, "two more are written")
        core.delete_namespaced_pod("web-1", space, grace_period_seconds=0)
        core.delete_namespaced_pod("job-1", space, grace_period_seconds=0)
        until(lambda: found() == {"web": "1"}, "deletions are written")
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(WAIT_SECONDS), (tmp_path / "printed").read_text()


@pytest.mark.needs("rig")
def test_the_controller_that_is_started_again(realserver: RealServer, tmp_path: Path) -> None:
    """It puts right what stands there with one write, and nobody ever reads half a count."""
    space, core = realserver.new_namespace("docs"), realserver.core
    core.create_namespaced_config_map(
        space, {"metadata": {"name": "pods-by-app"}, "data": {"gone": "1"}}
    )

    def found() -> dict[str, str] | None:
        return core.read_namespaced_config_map("pods-by-app", space).data

    stale = core.read_namespaced_config_map("pods-by-app", space).metadata.resource_version
    with running("controller.py", tmp_path, realserver.kubeconfig, space):
        until(lambda: not found(), "there are no pods")
    for number in range(5):
        core.create_namespaced_pod(
            space,
            {
                "metadata": {"name": f"web-{number}", "labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "none"}]},
            },
        )
    with running("controller.py", tmp_path, realserver.kubeconfig, space):
        until(lambda: found() == {"web": "5"}, "there are five")

    def maps(options: kwlab.ListOptions) -> Any:
        return core.list_namespaced_config_map(
            space,
            watch=True,
            _preload_content=False,
            field_selector="metadata.name=pods-by-app",
            **options,
        )

    with kwlab.RetryWatcher(stale, maps) as watcher:
        written = [next(watcher).object.get("data") or {} for _ in range(2)]
    assert [{}, {"web": "5"}] == written


def test_the_follower_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """Killed twice, it prints every change once and in order, or again the last before a kill."""
    history = shipped("pods-churn")
    told = [f"{change.type} {change.object.name}" for change in history.changes]
    printed = tmp_path / "printed"

    def lines() -> list[str]:
        return printed.read_text().splitlines()

    def has_printed(number: int) -> bool:
        seen = iter(lines())
        return all(any(each == line for line in seen) for each in told[:number])

    with Served(history, CUTS, speed=SPEED) as served:
        arguments = (NAMESPACE, str(tmp_path / "saved"))
        for enough in (40, 110, len(told)):
            with running("follower.py", tmp_path, served.kubeconfig, *arguments):
                # Not so many lines: one that is printed again after a kill is none of them.
                until(lambda n=enough: has_printed(n), f"{enough} lines")  # type: ignore[misc]
    assert len(told) <= len(lines()) <= len(told) + 2


def test_the_follower_saves_what_a_bookmark_says(tmp_path: Path) -> None:
    """Where nothing happens to pods, what is saved moves on with the cluster all the same."""
    quiet = pods(Step(20.0, "add", "other", resource="configmaps"), existing=("a",), seconds=300.0)
    saved, later = tmp_path / "saved", quiet.changes[0].object.resource_version
    saved.write_text(quiet.resource_version)

    with Served(quiet, (faults.Cut(at=100),), speed=SPEED) as served:
        arguments = (NAMESPACE, str(saved))
        with running("follower.py", tmp_path, served.kubeconfig, *arguments):
            until(lambda: saved.read_text() == later, "the bookmark is saved")
    assert "" == (tmp_path / "printed").read_text()


def test_the_asynchronous_loop() -> None:
    """With kubernetes_asyncio it delivers every change once and in order, through cuts."""
    import kubernetes_asyncio.client as asynchronous

    history = shipped("pods-churn")
    namespace: dict[str, Any] = {}
    exec(compile(PROGRAMS["asynchronous.py"], "asynchronous.py", "exec"), namespace)

    async def follow(url: str) -> list[str]:
        configuration = asynchronous.Configuration(host=url)
        told = []
        async with asynchronous.ApiClient(configuration) as reached:
            pods = asynchronous.CoreV1Api(reached).list_namespaced_pod
            async for event in namespace["resumed"](pods, NAMESPACE, history.resource_version):
                told.append(event.resource_version)
                if len(told) == len(history.changes):
                    break
        return told

    with Served(history, CUTS, speed=SPEED) as served:
        told = run_apart(follow(served.url), WAIT_SECONDS)
        watched = [request for request in served.requests if request.is_watch]
    assert [change.object.resource_version for change in history.changes] == told
    assert len(watched) >= 4


def test_the_asynchronous_loop_ends_as_the_rules_say() -> None:
    """A resourceVersion that is gone ends with Expired, and says where it was."""
    import kubernetes_asyncio.client as asynchronous

    from kwlab.errors import Expired

    namespace: dict[str, Any] = {}
    exec(compile(PROGRAMS["asynchronous.py"], "asynchronous.py", "exec"), namespace)

    async def follow(url: str) -> None:
        async with asynchronous.ApiClient(asynchronous.Configuration(host=url)) as reached:
            pods = asynchronous.CoreV1Api(reached).list_namespaced_pod
            async for _ in namespace["resumed"](pods, NAMESPACE, "1"):
                pass

    with Served(shipped("pods-churn")) as served, pytest.raises(Expired) as expired:
        run_apart(follow(served.url), WAIT_SECONDS)
    assert "1" == expired.value.resource_version
