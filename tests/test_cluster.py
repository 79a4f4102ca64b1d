"""A real cluster behind the same lab: the same cells find the same, word for word."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kwlab
from kwlab import recording
from kwlab.cluster import deadline, play
from kwlab.cluster.driver import Driver
from kwlab.cluster.proxy import LoopbackProxy
from kwlab.cluster.stage import LiveStage
from kwlab.errors import ClusterError, LabError, WatchFunctionError
from kwlab.history import History, Object, Resource
from kwlab.lab import Lab
from kwlab.made import Step, made
from kwlab.messages import say
from kwlab.recording import Header, Item, RecordedChange, Recording, ResourceEntry
from kwlab.wire import EventType, ListOptions, identify
from tests import watch_functions as functions
from tests.controllers import SCHEDULER
from tests.histories import DEPLOYMENTS, MAPS
from tests.live import CONTEXT, LiveCluster, live_cluster

pytestmark = pytest.mark.needs("rig")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiveCluster]:
    with live_cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _kubeconfig(cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.server.kubeconfig)


@pytest.fixture
def live(cluster: LiveCluster) -> Iterator[Lab]:
    with kwlab.open_lab(context=CONTEXT) as lab:
        yield lab


def embedded(name: str = "pods-cut-twice") -> Lab:
    return kwlab.open_lab(name, context="")


def test_the_story_is_found_word_for_word(live: Lab) -> None:
    """Finding, requests and strip say on a cluster what they say on the recording."""
    there, here = (
        lab.compare(wrong=functions.wrong(lab), mine=functions.correct(lab))
        for lab in (live, embedded())
    )
    assert str(here) == str(there)
    assert str(here.requests) == str(there.requests)
    assert str(here.strip) == str(there.strip)
    assert _times(here.history) == _times(there.history)
    assert there.history.server != here.history.server


def test_the_introduction_tells_where_it_is_played(live: Lab) -> None:
    """A live lab names the context and the server's version; the rest is the recording's."""
    first, *others = str(live).splitlines()
    assert say("lab.title_live", name="pods-cut-twice", context=CONTEXT, server="1.37") == first
    assert str(embedded()).splitlines()[1:] == others


@pytest.mark.parametrize("version", [None, "0", "rv@0", "rv@4", "rv@9", "999999999"])
def test_a_question_has_the_same_answer(live: Lab, version: str | None) -> None:
    """Asked at one moment, a cluster sends what the recording sends, under the same names."""
    there = live.ask(at=32.05, resource_version=version)
    assert str(embedded().ask(at=32.05, resource_version=version)) == str(there)


def test_a_moment_that_has_not_come_has_no_resource_version(live: Lab) -> None:
    """Only a recording knows what the fourteenth change will be called."""
    with pytest.raises(ClusterError, match="has not happened yet"):
        live.ask(at=10, resource_version="rv@14")
    with pytest.raises(LabError, match="rv@99"):
        live.ask(at=10, resource_version="rv@99")


def test_labs_take_turns_in_one_namespace(live: Lab) -> None:
    """A second story may be opened meanwhile; each is at its start when it is used."""
    with kwlab.open_lab("jobs-from-nothing", context=CONTEXT) as jobs:
        assert str(embedded("jobs-from-nothing").ask(at=40)) == str(jobs.ask(at=40))
        assert 3 == len(live.api.list_namespaced_pod(live.namespace).items)
        assert [] == jobs.api.list_namespaced_pod(jobs.namespace).items
        assert 14 == live.compare(correct=functions.correct(jobs)).runs[0].count.delivered


def test_runs_of_two_threads_take_turns_too(live: Lab) -> None:
    """A namespace holds one story at a time: whoever comes second waits."""
    with kwlab.open_lab("jobs-from-nothing", context=CONTEXT) as jobs:
        correct, found = functions.correct(jobs), dict[Lab, int]()

        def compare(lab: Lab) -> None:
            found[lab] = lab.compare(correct=correct).runs[0].count.delivered

        threads = [threading.Thread(target=compare, args=(lab,)) for lab in (live, jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {live: 14, jobs: 12} == found


def test_what_was_listed_before_is_what_a_play_begins_with(live: Lab) -> None:
    """A list between plays has the uids and resourceVersions that the next play starts from."""
    listed = live.api.list_namespaced_pod(live.namespace)
    assert live.resource_version == listed.metadata.resource_version
    happened = live.compare(correct=functions.correct(live)).history
    expected = {(pod.metadata.uid, pod.metadata.resource_version) for pod in listed.items}
    assert expected == {item.identity for item in happened.objects}


def test_a_longer_story_with_another_scenario(live: Lab) -> None:
    """Cuts are the caller's to choose, on a cluster as on a recording."""
    cuts = [{"fault": "cut", "after_change": 3}, {"fault": "cut", "at": 20, "how": "reset"}]
    cuts += [{"fault": "cut", "after_change": 6, "away_seconds": 5}]
    there, here = (
        lab.compare(wrong=functions.wrong(lab), mine=functions.correct(lab), scenario=cuts)
        for lab in (live, embedded())
    )
    assert str(here) == str(there)
    assert str(here.requests) == str(there.requests)


def test_a_cut_that_is_noticed_late_changes_nothing(
    live: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The story stands still until each function knows that it was cut."""
    cut = LoopbackProxy.cut

    def cut_later(proxy: LoopbackProxy, *, is_reset: bool = False) -> None:
        threading.Timer(0.3, cut, (proxy,), {"is_reset": is_reset}).start()

    monkeypatch.setattr(LoopbackProxy, "cut", cut_later)
    there, here = (lab.compare(wrong=functions.wrong(lab)) for lab in (live, embedded()))
    assert str(here) == str(there)
    assert str(here.requests) == str(there.requests)


@pytest.mark.parametrize("name", recording.shipped())
def test_every_shipped_recording_can_be_played(name: str) -> None:
    """With its own cuts and with a longer absence, each is found as on the recording."""

    def watching(lab: Lab) -> dict[str, Any]:
        return {
            "bare": functions.bare(lab),
            "passes": lambda options: functions.watch(lab, **options),
        }

    here = embedded(name)
    # Not between the halves of a deletion: on a cluster they come together.
    last = next(c.number for c in here.history.changes[4:] if c.type is not EventType.MODIFIED)
    absence = [{"fault": "cut", "after_change": last, "away_seconds": 12.0}]
    with kwlab.open_lab(name, context=CONTEXT) as live:
        for scenario in (None, absence):
            there = live.compare_all(watching(live), scenario=scenario)
            expected = here.compare_all(watching(here), scenario=scenario)
            assert str(expected) == str(there)


def test_a_function_that_watches_less_is_waited_for_no_longer(
    live: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A selector leaves changes out; nobody waits for what will not be sent."""

    def chosen(lab: Lab) -> object:
        return lambda options: functions.watch(
            lab, **options.replace(label_selector="app=web,version=10")
        )

    given_up: list[bool] = []
    noting = property(lambda _: False, lambda _, is_so: given_up.append(is_so))
    monkeypatch.setattr(play.Actor, "is_given_up", noting, raising=False)
    there, here = (lab.compare(chosen=chosen(lab)) for lab in (live, embedded()))
    assert str(here) == str(there)
    assert not any(given_up)


def test_only_the_connection_can_be_made_to_fail(live: Lab) -> None:
    """What only an embedded server can do on purpose is refused in a sentence."""
    with pytest.raises(ClusterError, match="malformed, refuse can be played on a recording"):
        live.run(
            functions.correct(live),
            scenario=[{"fault": "malformed", "at": 1}, {"fault": "refuse", "at": 1, "code": 500}],
        )


def test_exercises_and_costs_stay_on_recordings(live: Lab) -> None:
    """An exercise plays its own recordings behind the same lab, and touches no cluster."""
    correct = functions.correct(live)
    assert str(kwlab.exercise("pass-it-on").check(correct)).startswith("Correct.")
    cost = kwlab.CostExplorer(correct=correct, pods=10, reconnects=4)
    assert "correct is handed 0 events" in str(cost)


def test_the_learners_own_error_is_the_learners_to_see(live: Lab) -> None:
    """What a function raises comes out of compare(), without a frame of kwlab in front."""

    def broken(_options: ListOptions) -> object:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        live.run(broken)
    frame = caught.value.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    assert frame is not None and frame.tb_frame.f_code is broken.__code__


@pytest.mark.parametrize("lab", ["embedded", "live"])
def test_a_broken_contract_is_the_same_sentence(lab: str, live: Lab) -> None:
    """A forgotten _preload_content=False is named as such when the story is over."""
    opened = live if lab == "live" else embedded()

    def preloading(options: ListOptions) -> object:
        return opened.api.list_namespaced_pod(opened.namespace, watch=True, **options)

    with pytest.raises(WatchFunctionError) as caught:
        opened.run(preloading)
    assert say("function.preloading") == str(caught.value)


def test_a_function_that_never_comes_back_hangs_nobody(
    live: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for once; the play goes on without it, and the cell ends with a sentence."""
    # Once for each change would be more than the limit of a cell.
    monkeypatch.setattr(play, "PATIENCE_SECONDS", 2.0)
    awake = threading.Event()
    with pytest.raises(WatchFunctionError) as caught:
        live.run(lambda _: awake.wait())
    awake.set()
    assert say("function.never_returned") == str(caught.value)


@pytest.mark.parametrize("stands", [False, True])
def test_a_story_that_takes_too_long_is_ended(
    stands: bool, live: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell runs for more than half a minute, neither before the first change nor after it."""
    if stands:
        assert live.resource_version
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", -1.0)
    with pytest.raises(ClusterError, match="takes too long"):
        live.run(functions.correct(live))


def test_a_cluster_that_falls_silent_is_waited_for_no_longer(
    cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it stops in the middle of 500 objects, the cell ends in time, and so do its threads."""
    server = cluster.server.pids["kube-apiserver"]
    show = LiveStage._show_standing

    def stop_at_ten(stage: LiveStage, done: int) -> None:
        show(stage, done)
        if done == 10:
            os.kill(server, signal.SIGSTOP)

    monkeypatch.setattr(LiveStage, "_show_standing", stop_at_ten)
    with kwlab.open_lab("pods-500", context=CONTEXT) as many:
        monkeypatch.setattr(deadline, "LIMIT_SECONDS", 3.0)
        try:
            with pytest.raises(ClusterError, match="not done after 3 s"):
                many.run(functions.correct(many))
        finally:
            os.kill(server, signal.SIGCONT)
        assert not any(each.name.startswith("kwlab-create") for each in threading.enumerate())
    assert not cluster.is_there("kwlab")


def test_an_interrupt_while_objects_are_made_ends_their_making(
    cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not begun is not made any more, and what is under way is waited for, and removed."""
    create, begun = Driver._create, list[str]()

    def noting(driver: Driver, item: Object) -> str:
        begun.append(item.name)
        return create(driver, item)

    def interrupt(_: LiveStage, done: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(Driver, "_create", noting)
    monkeypatch.setattr(LiveStage, "_show_standing", interrupt)
    with kwlab.open_lab("pods-500", context=CONTEXT) as many:
        with pytest.raises(KeyboardInterrupt):
            assert many.resource_version
        assert len(begun) == len(cluster.pods(many.namespace)) < 500
    assert not cluster.is_there("kwlab")


def test_objects_are_made_several_at_a_time(live: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first goes alone, until the namespace is ready; the others do not wait for each other."""
    create, alone = Driver._create, ["web-2"]
    together = threading.Barrier(2, timeout=30)

    def meeting(driver: Driver, item: Object) -> str:
        if item.name not in alone:
            together.wait()
        return create(driver, item)

    monkeypatch.setattr(Driver, "_create", meeting)
    assert {"web-2", "web-4", "web-9"} == {
        pod.metadata.name for pod in live.api.list_namespaced_pod(live.namespace).items
    }


def test_progress_is_shown_from_the_first_object_on(
    live: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is made before the first change is counted too."""
    live.run(functions.correct(live))
    objects, changes = capsys.readouterr().err.strip().split("\n")[-2:]
    shown = [f"pods-cut-twice on admin: {n} of 3 objects made" for n in (1, 2, 3)]
    assert shown == objects.strip("\r").split("\r")
    assert changes.endswith("14 of 14 changes made")


def test_other_peoples_objects_are_neither_counted_nor_touched(
    live: Lab, cluster: LiveCluster
) -> None:
    """A pod without our label may come and go: the finding is the same, and it stays."""
    live.api.create_namespaced_pod(live.namespace, _pod("stranger", SCHEDULER))
    seen = live.compare(wrong=functions.wrong(live))
    assert str(embedded().compare(wrong=functions.wrong(embedded()))) == str(seen)
    assert "stranger" in cluster.pods(live.namespace)
    # Another scheduler than ours: somebody starts it, as nobody starts the story's pods.
    assert {"stranger"} == set(cluster.controllers.started)
    # It keeps the namespace, and other tests play there.
    cluster.core.delete_namespaced_pod("stranger", live.namespace, grace_period_seconds=0)


def test_a_name_that_is_taken_is_told(live: Lab, cluster: LiveCluster) -> None:
    """A pod of somebody else's under a name of the story's is not replaced."""
    spec = {"containers": [{"name": "a", "image": "b"}], "schedulerName": "nobody"}
    cluster.core.create_namespaced_pod(
        live.namespace, {"metadata": {"name": "web-2"}, "spec": spec}
    )
    with pytest.raises(ClusterError, match="web-2 exists in namespace kwlab and is not kwlab's"):
        live.run(functions.correct(live))
    assert ["web-2"] == [name for name in cluster.pods(live.namespace) if name == "web-2"]
    cluster.core.delete_namespaced_pod("web-2", live.namespace, grace_period_seconds=0)


def test_config_maps_are_played_beside_the_clusters_own(
    cluster: LiveCluster, tmp_path: Path
) -> None:
    """kube-root-ca.crt, which controllers put into every namespace, changes no finding."""
    path = tmp_path / "settings.jsonl"
    recording.save(_config_maps(), path)

    def watching(lab: Lab) -> object:
        return lambda _: lab.api.list_namespaced_config_map(
            lab.namespace, watch=True, _preload_content=False
        )

    here = kwlab.open_lab(path, context="")
    with kwlab.open_lab(path, context=CONTEXT) as live:
        cluster.controllers.wait_for(live.namespace)
        assert str(here.compare(wrong=watching(here))) == str(live.compare(wrong=watching(live)))


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    """Objects that controllers act on cannot be played back by hand."""
    path = tmp_path / "other.jsonl"
    recording.save(_config_maps(DEPLOYMENTS), path)
    with pytest.raises(ClusterError, match="pods or of configmaps, not of deployments"):
        kwlab.open_lab(path, context=CONTEXT)


def test_a_context_is_named_or_no_cluster_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubeconfig's current context counts for nothing; the environment variable names one."""
    assert not isinstance(kwlab.open_lab()._stage, LiveStage)
    monkeypatch.setenv("KWLAB_CONTEXT", CONTEXT)
    with kwlab.open_lab() as named:
        assert isinstance(named._stage, LiveStage)
    assert not isinstance(kwlab.open_lab(context="")._stage, LiveStage)


def _times(past: History) -> list[float]:
    return [change.at for change in past.changes]


def _pod(name: str, scheduler: str) -> Any:
    spec = {"containers": [{"name": "a", "image": "b"}], "schedulerName": scheduler}
    return {"metadata": {"name": name}, "spec": spec}


def _config_maps(resource: Resource = MAPS) -> Recording:
    """Record four changes, and an absence in the middle."""
    steps = [Step(1, "modify", "a"), Step(2, "add", "c"), Step(3, "delete", "b")]
    empty = History("1.36", (resource,), "1", (), (), 0.0)
    existing = ["default/a", "default/b"]
    past = made(empty, [*steps, Step(4, "add", "b")], existing=existing, seconds=5.0)
    header = Header(
        kwlab_recording=1,
        name="settings",
        server=past.server,
        recorded="",
        namespace="default",
        resource_version=past.resource_version,
        resources=(ResourceEntry(resource.plural, resource.kind, resource.group),),
        seconds=past.seconds,
        scenario=({"fault": "cut", "at": 2.5, "away_seconds": 1.0},),
    )
    changes = (RecordedChange(each.at, each.type, _item(each.object)) for each in past.changes)
    return Recording(header, tuple(map(_item, past.objects)), tuple(changes))


def _item(held: Object) -> Item:
    return Item(held.resource.plural, identify(held.data), held.data)
