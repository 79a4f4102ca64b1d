"""A watch function of one's own is checked as a learner's is, and from the command line."""

from __future__ import annotations

import asyncio
import doctest
import functools
import re
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AppsV1Api

import kwlab
from kwlab import check
from kwlab.check import OwnFunction
from kwlab.cluster import signals
from kwlab.commands import main
from kwlab.errors import LabError, WatchFunctionError
from kwlab.history import narrowed
from kwlab.judging import judge as judging
from kwlab.judging.judge import Verdict
from kwlab.judging.misconceptions import Selects, Trial
from kwlab.judging.properties import Property, broken
from kwlab.lab import Lab
from kwlab.log import Log
from kwlab.metrics import count
from kwlab.scope import Scope
from kwlab.wire import ListOptions, WatchEvent, query

Options = ListOptions
Watch = Callable[[Lab, Scope, Options], Any]


def pods(lab: Lab, **options: Any) -> Any:
    return lab.api.list_namespaced_pod(lab.namespace, watch=True, _preload_content=False, **options)


def correct(lab: Lab, options: Options) -> Any:
    return pods(lab, **options.replace(timeout_seconds=60))


def with_urllib3(lab: Lab, options: Options) -> Any:
    asked = query(options.replace(timeout_seconds=60), watch=True)
    return lab.http.request("GET", f"{lab.url}/api/v1/secrets?{asked}", preload_content=False)


def selected_deployments(lab: Lab, options: Options) -> Any:
    asked = options.replace(timeout_seconds=300, label_selector="app=web,tier==front")
    return AppsV1Api(lab.api.api_client).list_namespaced_deployment(
        "prod", watch=True, _preload_content=False, **asked
    )


def reads_the_spec(lab: Lab, options: Options) -> Iterator[WatchEvent]:
    for event in kwlab.events(correct(lab, options)):
        assert event.type == "BOOKMARK" or event.object["spec"]["containers"]
        yield event


def lists_first(lab: Lab, options: Options) -> Any:
    lab.api.list_namespaced_pod(lab.namespace)
    return correct(lab, options)


@pytest.mark.parametrize(
    ("function", "histories_played"),
    [
        (correct, 6),
        (lists_first, 6),
        (reads_the_spec, 6),
        (with_urllib3, 4),
        (selected_deployments, 4),
    ],
)
def test_a_right_function_is_correct(function: OwnFunction, histories_played: int) -> None:
    """What is watched is learnt from what is asked: any type, namespace and selector."""
    judged = kwlab.check_watch_function(function)
    assert Verdict.CORRECT is judged.verdict, judged
    assert str(judged).startswith(f"Correct. {histories_played} histories, ")


def dropped(lab: Lab, options: Options) -> Any:
    return pods(lab, timeout_seconds=60)


def pinned(lab: Lab, options: Options) -> Any:
    return pods(lab, **options.replace(resource_version=lab.resource_version))


def forgets_the_selector(lab: Lab, options: Options) -> Any:
    is_first = options.resource_version == lab.resource_version
    selector = "app=web" if is_first else None
    return pods(lab, **options.replace(timeout_seconds=60, label_selector=selector))


def narrows(lab: Lab, options: Options) -> Any:
    is_first = options.resource_version == lab.resource_version
    selector = "metadata.name=web" if is_first else "metadata.name=web,status.phase=Failed"
    return pods(lab, **options.replace(timeout_seconds=60, field_selector=selector))


def forgets_a_label(lab: Lab, options: Options) -> Any:
    is_first = options.resource_version == lab.resource_version
    selectors = {"field_selector": "metadata.name=a", "label_selector": "x" if is_first else None}
    return pods(lab, **options.replace(timeout_seconds=60, **selectors))


def watches_another_from_the_second_call_on() -> OwnFunction:
    first = iter([1])

    def function(lab: Lab, options: Options) -> Any:
        selector = f"metadata.name=job-{next(first, 2)}"
        return pods(lab, **options.replace(timeout_seconds=60, field_selector=selector))

    return function


def keeps_bookmarks(lab: Lab, options: Options) -> Iterator[WatchEvent]:
    for event in kwlab.events(correct(lab, options)):
        if event.type != "BOOKMARK":
            yield event


def not_returned(lab: Lab, options: Options) -> None:
    pods(lab, **options)


def raises(lab: Lab, options: Options) -> Any:
    raise RuntimeError("no credentials")


def leaves(error: type[BaseException]) -> OwnFunction:
    def leaving(lab: Lab, options: Options) -> Any:
        raise error

    return leaving


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_would_end_the_caller_is_one_sentence(error: type[BaseException]) -> None:
    """Neither compare() nor a check, nor a notebook's kernel, is ended by a watch function."""
    lab = kwlab.open_lab()
    says = f"raised {error.__name__}, which would end whoever called it"
    with pytest.raises(WatchFunctionError, match=says):
        lab.compare(mine=lambda options: leaves(error)(lab, options))
    assert says in str(kwlab.check_watch_function(leaves(error)))


def test_a_signal_still_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """What kwlab itself raises for SIGTERM is no mistake of the watch function."""
    lab = kwlab.open_lab()

    def ended(options: Options) -> Any:
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        signals._end(15, None)

    with pytest.raises(SystemExit, match="143"):
        lab.compare(mine=ended)


def slow(lab: Lab, options: Options) -> Any:
    time.sleep(0.05)
    return correct(lab, options)


def test_a_whole_check_has_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is slow in each history is stopped too; and it is said when that came late."""
    said = str(kwlab.check_watch_function(slow, limit_seconds=0.3))
    assert "slow ran for 0.3 s without an end" in said
    assert "outside Python" not in said
    monkeypatch.setattr(judging, "LATE_SECONDS", 0.0)
    assert "outside Python" in str(kwlab.check_watch_function(slow, limit_seconds=0.01))


@pytest.mark.parametrize(
    ("function", "misconception", "one"),
    [
        (dropped, "dropped", Property.HANDED),
        (pinned, "pinned", Property.HANDED),
        (keeps_bookmarks, "kept_back", Property.BOOKMARKS),
        (forgets_the_selector, "changed", None),
        (forgets_a_label, "changed", None),
        (narrows, "changed", None),
        (watches_another_from_the_second_call_on(), "changed", None),
        (not_returned, "contract", None),
        (raises, "raised", None),
        (leaves(SystemExit), "contract", None),
        (leaves(GeneratorExit), "contract", None),
        (leaves(asyncio.CancelledError), "contract", None),
    ],
)
def test_a_wrong_function_is_told_why(
    function: OwnFunction, misconception: str, one: Property | None
) -> None:
    """The mistake and the property it breaks are given as values, not in words alone."""
    judged = kwlab.check_watch_function(function)
    assert (Verdict.NOT_YET, misconception) == (judged.verdict, judged.misconception), judged
    assert one == (judged.broken.property if judged.broken else None)


def test_a_function_that_does_nothing_is_no_attempt() -> None:
    """A body of three dots is told from one that forgot to return."""
    judged = kwlab.check_watch_function(lambda lab, options: None)
    assert Verdict.NOT_ATTEMPTED is judged.verdict


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda options: None, r"<lambda>\(options\) cannot be called with \(lab, options\)"),
        (3, "int is the type of what came: pass the function itself"),
        (
            lambda lab, options: pods(lab, **options, label_selector="app,!app"),
            r"^Nothing can match /api/v1/namespaces/[a-z-]+/pods\?app,!app: no object meets all",
        ),
        (lambda lab, options: pods(lab, **options, label_selector="size<0"), "^Nothing can match"),
        (
            lambda lab, options: pods(lab, **options, field_selector="spec.color=red"),
            r"^The server refuses /api/.*\?spec.color=red: field label not supported: spec.color.$",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(function: Any, says: str) -> None:
    """Each refusal says what is wanted."""
    with pytest.raises(LabError, match=says):
        kwlab.check_watch_function(function)


def test_the_documented_module_runs_as_it_stands() -> None:
    """The example of the module's docstring checks a Deployment watch, and passes."""
    assert check.__doc__ is not None
    _, block = check.__doc__.split("::\n", 1)
    code = textwrap.dedent(re.split(r"\n(?=\S)", block)[0])
    written: dict[str, Any] = {}
    exec(compile(code, "kwlab.check", "exec"), written)
    assert kwlab.check_watch_function(written["from_kwlab"])


def test_the_documented_call_runs_as_it_stands() -> None:
    """The doctest of check_watch_function() gives what it shows."""
    assert 0 == doctest.testmod(check).failed


HERE = "/api/v1/namespaces/kwlab-churn/pods"
SCOPES = (
    Scope(HERE, "", "metadata.name=job-1"),
    Scope(HERE, "", "spec.nodeName=n1"),
    Scope(HERE.replace("pods", "events"), "", "involvedObject.kind=Pod"),
    Scope(HERE, "component in (scheduler,worker)", ""),
    Scope(HERE, "kubernetes_executor=True,airflow-worker!=7", ""),
    Scope(HERE, "hub.jupyter.org/username", ""),
    Scope(
        "/api/v1/pods", "!a,b,b notin (true,false,)", "status.phase!=Succeeded,metadata.name!=web-2"
    ),
    Scope("/api/v1/nodes", "", "spec.unschedulable=false"),
    Scope("/apis/apps/v1/statefulsets", "", ""),
    Scope("/api/v1/namespaces", "", "metadata.name=a,metadata.name==a"),
    Scope("/apis/example.com/v1/namespaces/prod/widgets", "size>4,size<7", ""),
)


@functools.cache
def scripts(scope: Scope) -> dict[str, tuple[Trial, Selects]]:
    """Give what check makes for a scope."""
    task = check.task_of(scope, "kwlab-churn")
    assert task.selects is not None
    return {trial.name: (trial, task.selects) for trial in task.trials}


def played(scope: Scope, script: str, function: Watch) -> set[Property]:
    """Play one script, and give what broke for whoever watches a scope."""
    trial, selects = scripts(scope)[script]
    lab = Lab(trial.played, trial.scenario)
    told = narrowed(lab.history, selects)
    run = lab.run(functools.partial(function, lab, scope)).runs[0]
    return {one.property for one in broken(count(Log("f", list(run.count.attempts)), told), told)}


def watched(lab: Lab, scope: Scope, options: Options) -> Any:
    selectors = {"label_selector": scope.labels or None, "field_selector": scope.fields or None}
    asked = query(options.replace(timeout_seconds=60, **selectors), watch=True)
    return lab.http.request("GET", f"{lab.url}{scope.path}?{asked}", preload_content=False)


def forgets(lab: Lab, scope: Scope, options: Options) -> Any:
    return watched(lab, scope, Options())


def loses_bookmarks(lab: Lab, scope: Scope, options: Options) -> Iterator[WatchEvent]:
    for event in kwlab.events(watched(lab, scope, options)):
        if event.type != "BOOKMARK":
            yield event


CONVICTS: tuple[tuple[str, Watch, set[Property]], ...] = (
    ("cut", forgets, {Property.HANDED, Property.ONCE}),
    ("deletion", forgets, {Property.DELETIONS}),
    ("recreation", forgets, {Property.DELETIONS}),
    ("bookmark", loses_bookmarks, {Property.BOOKMARKS}),
)


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_each_script_can_break_what_it_is_for(scope: Scope) -> None:
    """Whatever is selected: a script that could break nothing would check nothing."""
    for script, function, breaks in CONVICTS:
        assert breaks <= played(scope, script, function), script
        assert set() == played(scope, script, watched), script


@pytest.mark.parametrize(
    ("says", "list_them"),
    [
        ((SCOPES[2], "kwlab-churn"), lambda lab: lab.api.list_namespaced_event(lab.namespace)),
        ((SCOPES[7], None), lambda lab: lab.api.list_node()),
        (
            (SCOPES[8], "kwlab-churn"),
            lambda lab: AppsV1Api(lab.api.api_client).list_stateful_set_for_all_namespaces(),
        ),
    ],
)
def test_the_client_reads_what_is_made(
    says: tuple[Scope, str | None], list_them: Callable[[Lab], Any]
) -> None:
    """A function may list before it watches."""
    lab = Lab(scripts(says[0])["cut"][0].played)
    assert says[1] == list_them(lab).items[0].metadata.namespace


def test_without_bookmarks_the_server_forgets() -> None:
    """While only what is not asked for changes, the window moves on."""
    assert Property.RELISTS in played(SCOPES[0], "bookmark", loses_bookmarks)


def test_a_cut_alone_loses_no_deletion() -> None:
    """Only an absence loses: that is why there are several scripts."""
    assert Property.DELETIONS not in played(SCOPES[0], "cut", forgets)


MODULE = """
def correct(lab, options):
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, **options.replace(timeout_seconds=60)
    )


def wrong(lab, options):
    print("asked")
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, timeout_seconds=60
    )


def raising(lab, options):
    return 1 / 0


unwanted = 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> str:
    """Write a module that no other test has imported, and stand beside it."""
    name = f"mine_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / f"{name}_broken.py").write_text("import no_such_thing\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    return name


@pytest.mark.parametrize(
    ("function", "status", "says"),
    [
        (":correct", 0, "Correct. 6 histories, "),
        (":wrong", 1, "Not yet: connection 1 was handed rv@0 and asked for none"),
        (":raising", 2, "Not yet: raising raised ZeroDivisionError: division by zero"),
        (":absent", 64, "kwlab: The module {module} has no absent."),
        (":unwanted", 2, "kwlab: A watch function is wanted, and int is the type of what came"),
        ("_absent:f", 64, "kwlab: There is no module {module}_absent here."),
        (
            "_broken:f",
            2,
            "kwlab: {module}_broken cannot be imported: ModuleNotFoundError: No module named "
            "'no_such_thing'.",
        ),
        ("", 64, "kwlab: {module} is no module:function"),
    ],
)
def test_the_command_says_it_by_its_status(
    module: str, capsys: pytest.CaptureFixture[str], function: str, status: int, says: str
) -> None:
    """0 is correct, 1 not yet, 2 cannot be judged, 64 names nothing; and one line says why."""
    assert status == main(["check", f"{module}{function}"])
    out, err = capsys.readouterr()
    said = err or out
    assert said.startswith(says.format(module=module)), said
    if err:
        assert 1 == len(err.splitlines())


def test_the_command_prints_the_finding(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the verdict stand what the function printed, and the counts."""
    main(["check", f"{module}:wrong"])
    out = capsys.readouterr().out
    assert "It printed 4 lines:\n    asked\n" in out
    assert "14 changes = 10 new + 4 lost." in out
