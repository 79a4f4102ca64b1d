"""A recording of several types or namespaces: each function answers for what it asked about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kwlab
from kwlab.errors import LabError
from kwlab.history import History
from kwlab.judging.judge import Verdict
from kwlab.lab import Lab
from kwlab.log import Attempt, Log, Request
from kwlab.made import Step, made
from kwlab.metrics import Count, Fate
from kwlab.recording import load, shipped
from kwlab.watched import watched_by
from kwlab.wire import ListOptions, WatchEvent
from tests.histories import MAPS, NAMESPACE, NODES
from tests.histories import shipped as past_of

AWAY: Final = ({"fault": "cut", "at": 10.0, "away_seconds": 1.0},)
WEB: Final = {"app": "web"}
OTHER: Final = {"app": "other"}


def history(*steps: Step, existing: tuple[str, ...] = ()) -> History:
    return made(
        past_of("pods-churn"), steps, existing=existing, seconds=30.0, resources=(MAPS, NODES)
    )


def two_types() -> Lab:
    """Pods and config maps that share names, and are deleted while nobody is connected."""
    return Lab(
        history(
            Step(2.0, "add", "x", resource="configmaps"),
            Step(3.0, "modify", "x"),
            Step(8.0, "modify", "x", resource="configmaps"),
            Step(10.2, "delete", "x", resource="configmaps"),
            Step(10.5, "delete", "x"),
            Step(10.7, "add", "y", resource="configmaps"),
            Step(21.0, "modify", "y", resource="configmaps"),
            existing=("web", "x"),
        )
    )


def two_namespaces() -> Lab:
    """Pods of the same names here and elsewhere."""
    return Lab(
        history(
            Step(2.0, "modify", "web"),
            Step(3.0, "modify", "web", "elsewhere"),
            Step(10.5, "delete", "web", "elsewhere"),
            Step(10.7, "delete", "web"),
            existing=("web", "elsewhere/web"),
        )
    )


Function = Callable[[ListOptions], Any]


def watching(lab: Lab, method: str, *place: str, drops: bool = False, **selectors: str) -> Function:
    def function(options: ListOptions) -> Any:
        used = ListOptions() if drops else options
        asked = used.replace(timeout_seconds=60, **selectors)
        return getattr(lab.api, method)(*place, watch=True, _preload_content=False, **asked)

    return function


def of_pods(lab: Lab, **how: Any) -> Function:
    return watching(lab, "list_namespaced_pod", lab.namespace, **how)


def of_maps(lab: Lab, **how: Any) -> Function:
    return watching(lab, "list_namespaced_config_map", lab.namespace, **how)


def sums(count: Count) -> tuple[int, int, int, int, int]:
    changes, lost = len(count.changes), len(count.lost)
    return count.delivered, count.new, count.replayed, changes, lost


def test_the_introduction_counts_each_type() -> None:
    """A recording of several types says of each how much there is of it."""
    assert [
        "pods, configmaps and nodes share one sequence: 7 changes in 30 seconds.",
        "pods: 2 at the start, 2 changes, 1 at the end.",
        "configmaps: 0 at the start, 5 changes, 1 at the end.",
        "nodes: 0 at the start, 0 changes, 0 at the end.",
    ] == str(two_types()).splitlines()[1:]


def test_the_introduction_names_the_namespaces() -> None:
    """Where objects are in several namespaces, it says in which, and which one a lab hands out."""
    said = str(two_namespaces())
    assert f"They are in elsewhere and {NAMESPACE}; lab.namespace is {NAMESPACE}." in said


FOUND: Final = """\
          delivered   new   replayed   lost
wrong             4     1          3      1   (1 of them a deletion)
correct           2     2          0      0

wrong and correct watched pods: 2 of the 7 changes here are of that, and only they count.
wrong: 4 delivered = 1 new + 3 replayed; 2 changes = 1 new + 1 lost.
correct: 2 delivered = 2 new + 0 replayed; 2 changes = 2 new + 0 lost.
wrong believes in 2 pods: web, x.
correct believes in 1 pod: web.
The cluster has 1 pod: web."""


def test_a_function_answers_for_the_type_that_it_watches() -> None:
    """What it did not ask about is neither lost nor missing, and the sentences speak of pods."""
    lab = two_types()
    found = lab.compare(scenario=AWAY, wrong=of_pods(lab, drops=True), correct=of_pods(lab))
    assert FOUND == str(found)


def test_functions_may_watch_different_types() -> None:
    """Each is counted against its own type, and says what exists of that."""
    lab = two_types()
    found = lab.compare(scenario=AWAY, pods=of_pods(lab), maps=of_maps(lab, drops=True))
    assert (2, 2, 0, 2, 0) == sums(found["pods"].count)
    assert (4, 4, 0, 5, 1) == sums(found["maps"].count)
    said = str(found)
    assert "pods watched pods: 2 of the 7 changes" in said
    assert "maps watched configmaps: 5 of the 7 changes" in said
    assert "maps believes in 2 configmaps: x, y." in said
    assert "For pods the cluster has 1 pod: web." in said
    assert "For maps the cluster has 1 configmap: y." in said


def test_objects_of_two_types_may_share_a_name() -> None:
    """A program that watches both believes in both, and each is named with its type."""
    steps = Step(2.0, "add", "x", resource="configmaps"), Step(25.0, "modify", "web")
    lab = Lab(history(*steps, existing=("web", "x")))

    def in_turn(options: ListOptions) -> Any:
        asked = options.replace(timeout_seconds=10)
        for method in (lab.api.list_namespaced_pod, lab.api.list_namespaced_config_map):
            yield from kwlab.events(
                method(lab.namespace, watch=True, _preload_content=False, **asked)
            )

    found = lab.compare(in_turn=in_turn, scenario=[])
    assert (2, 2, 0, 2, 0) == sums(found["in_turn"].count)
    names = "configmap/x, pod/web, pod/x"
    last = f"The program believes in 3 objects: {names}. The cluster has 3 objects: {names}."
    assert last == str(found).splitlines()[-1]
    assert ("3", "3") == found.strip.to_table().rows[-1][-2:]


@pytest.mark.parametrize("method", ["pods in another place", "a type that is not there"])
def test_who_watches_nothing_of_the_recording_is_told_so(method: str) -> None:
    """Losing nothing proves nothing then: one sentence says what was asked, and what there is."""
    lab = two_types()
    nothing, what = {
        "pods in another place": (
            watching(lab, "list_namespaced_pod", "default"),
            "pods in default",
        ),
        "a type that is not there": (
            watching(lab, "list_namespaced_service", NAMESPACE),
            "services",
        ),
    }[method]
    found = lab.compare(scenario=AWAY, nothing=nothing, correct=of_pods(lab))
    expected = (
        f"nothing watched {what}, and there is nothing of that here to be counted: "
        "watch configmaps in lab.namespace, pods in lab.namespace."
    )
    lines = str(found).splitlines()
    assert [expected] == [line for line in lines if line.startswith("nothing watched")]
    assert not [line for line in lines if line.startswith(("nothing:", "nothing believes"))]
    assert "correct believes in 1 pod: web." in lines
    assert "of what it watches there never is anything" in repr(found.strip)
    alone = str(lab.compare(scenario=AWAY, nothing=nothing)).splitlines()
    assert expected in alone
    assert not [line for line in alone if "believes" in line or line.startswith("The cluster")]


def test_what_a_watch_with_a_selector_loses_is_of_the_selector() -> None:
    """What starts or stops to match is told as such: it is new, in no disguise, and in the sums."""
    lab = Lab(
        history(
            Step(1.0, "add", "a", labels=WEB),
            Step(2.0, "add", "b", labels=OTHER),
            Step(3.0, "modify", "b", labels=WEB),
            Step(4.0, "modify", "a", labels=OTHER),
            Step(10.5, "delete", "a"),
            Step(10.7, "delete", "b"),
        )
    )
    select = {"label_selector": "app=web"}
    found = lab.compare(
        scenario=AWAY, wrong=of_pods(lab, drops=True, **select), correct=of_pods(lab, **select)
    )
    count = found["correct"].count
    assert (4, 4, 0, 4, 0) == sums(count)
    assert 0 == count.disguised
    assert (3, 3, 0, 4, 1) == sums(found["wrong"].count)
    assert "wrong and correct watched pods with app=web: 4 of the 6 changes" in str(found)


def test_a_selector_that_is_lost_later_is_the_one_that_should_have_been_sent() -> None:
    """What comes without it was not requested: no change, no ghost, and it is said apart."""
    lab = Lab(
        history(
            Step(1.0, "add", "a", labels=WEB),
            Step(2.0, "add", "b", labels=OTHER),
            Step(10.5, "modify", "a", labels=OTHER),
            Step(12.0, "delete", "b"),
            Step(13.0, "add", "c", labels=WEB),
            Step(14.0, "add", "d", labels=OTHER),
        )
    )
    selectors = iter([{"label_selector": "app=web"}])

    def loses_it(options: ListOptions) -> Any:
        return of_pods(lab, **next(selectors, {}))(options)

    found = lab.compare(scenario=AWAY, f=loses_it)
    assert [
        "    delivered   new   replayed   not requested   lost",
        "f           6     2          0               4      1   (1 of them a deletion)",
        "",
        "f watched pods with app=web: 3 of the 6 changes here are of that, and only they count.",
        "f: 6 delivered = 2 new + 0 replayed + 4 not requested; 3 changes = 2 new + 1 lost.",
        "The program believes in 3 pods: a, c, d. 2 of them were not requested: a, d. "
        "The cluster has 1 pod: c.",
    ] == str(found).splitlines()
    assert () == found["f"].count.ghosts
    assert "1 change lost, 1 deletion among them; it believes in what was not requested: a, d" in (
        repr(found.strip)
    )
    assert ">not requested<" in found.strip.picture.svg()


def test_a_list_that_a_function_makes_and_compares_makes_up_for_what_was_missed() -> None:
    """A deletion that its own list showed is inferred, and what came before that superseded."""
    lab, held = two_types(), dict[str, Any]()

    def lists(options: ListOptions) -> Any:
        body = lab.api.list_namespaced_pod(lab.namespace, _preload_content=False).data
        page = json.loads(body)
        present = {item["metadata"]["uid"]: item for item in page["items"]}
        for uid in held.keys() - present.keys():
            yield WatchEvent(json.dumps({"type": "DELETED", "object": held.pop(uid)}).encode())
        held.update(present)
        version = page["metadata"]["resourceVersion"]
        yield from kwlab.events(of_pods(lab)(options.replace(resource_version=version)))

    found = lab.compare(scenario=AWAY, lists=lists)
    assert (
        "lists: 2 delivered = 1 new + 1 inferred + 0 replayed; "
        "2 changes = 1 new + 1 inferred + 0 lost."
    ) in str(found).splitlines()
    assert [] == [each for each in found["lists"].count.believed if not each.exists]
    cells = {row[1]: row[5] for row in found.strip.to_table("changes").rows}
    assert "11 s, inferred" == cells["rv@5"]
    found.strip.go_to(change=2)
    assert "‘lists’ was away; a list shows at 11 s that it is gone." in str(found.strip)


def test_a_namespace_is_not_the_others_business() -> None:
    """A watch of one namespace loses nothing of another; one of all tells the two apart."""
    lab = two_namespaces()
    everywhere = watching(lab, "list_pod_for_all_namespaces", drops=True)
    found = lab.compare(scenario=AWAY, here=of_pods(lab), everywhere=everywhere)
    assert (2, 2, 0, 2, 0) == sums(found["here"].count)
    assert "here believes in 0 pods." in str(found)
    assert f"here watched pods in {NAMESPACE}: 2 of the 4 changes" in str(found)
    elsewhere = lab.compare(e=watching(lab, "list_pod_for_all_namespaces", label_selector="a=b"))
    assert "e watched pods in all namespaces with a=b, and there is nothing" in str(elsewhere)
    assert f"watch pods in elsewhere, pods in {NAMESPACE}." in str(elsewhere)
    shown = f"everywhere believes in 2 pods: elsewhere/web, {NAMESPACE}/web."
    assert shown in str(found)
    assert "it still believes in elsewhere/web, kwlab-churn/web" in repr(found.strip)


def test_what_is_in_no_namespace_is_named_alone() -> None:
    """A node is in no namespace, however many there are: it is watched, and said to be, so."""
    lab = Lab(
        history(
            Step(2.0, "add", "node", resource="nodes"),
            Step(3.0, "modify", "web", "elsewhere"),
            existing=("web", "elsewhere/web"),
        )
    )
    found = lab.compare(nodes=watching(lab, "list_node"), scenario=[])
    assert "nodes watched nodes: 1 of the 2 changes" in str(found)
    assert "believes in 1 node: node. The cluster has 1 node: node." in str(found)


def test_moments_have_one_name() -> None:
    """The ninth change is rv@9 for whoever watches what, in a table, a strip and a question."""
    lab = two_types()
    found = lab.compare(scenario=AWAY, pods=of_pods(lab), maps=of_maps(lab))
    table = found.requests
    assert [["pods", "rv@0"], ["pods", "rv@2"], ["pods", "rv@2"]] == [
        [row[0], row[4]] for row in table.rows if row[0] == "pods"
    ]
    assert "rv@3" in [row[4] for row in table.rows if row[0] == "maps"]
    alone = lab.compare(scenario=AWAY, pods=of_pods(lab)).strip.to_table("changes")
    assert ["rv@0", "rv@0", "rv@2", "rv@5"] == [row[1] for row in alone.rows]
    assert [("DELETED", "x", "rv@5")] == list(
        lab.ask(at=10.6, resource_version="rv@2").to_table().rows
    )


def test_the_strip_draws_what_is_watched() -> None:
    """Nothing else is on the cluster's lane, in a row, in the table or in a sentence."""
    lab = two_types()
    strip = lab.compare(scenario=AWAY, wrong=of_pods(lab, drops=True)).strip
    picture = strip.picture.svg()
    assert ">2 changes<" in picture
    assert "configmap" not in picture
    assert ">x<" in picture
    assert {"web", "x"} == {row[4] for row in strip.to_table("changes").rows}
    strip.go_to(lost=1)
    assert str(strip).startswith("10.5 s. The cluster deleted x (change 5). ‘wrong’ was away;")
    assert "believes in 2 pods, and 1 exists." in str(strip)


def test_the_strip_says_what_one_of_them_does_not_watch() -> None:
    """Where functions watch different types, each panel and each cell is about its own."""
    lab = two_types()
    strip = lab.compare(scenario=AWAY, pods=of_pods(lab), maps=of_maps(lab, drops=True)).strip
    cells = {row[1]: row[5:] for row in strip.to_table("changes").rows}
    assert ("3 s", "not watched") == cells["rv@2"]
    assert ("not watched", "lost in gap 1") == cells["rv@4"]
    assert ("known", "not watched") == cells["rv@0"]
    strip.go_to(change=4)
    assert "deleted configmap/x (change 4). ‘pods’ does not watch that." in str(strip)
    assert "‘maps’ was delivered 2 events" in str(strip)
    assert "it believes in 1 configmap, and 0 exist." in str(strip)
    believed = {(row[0], row[1]): row[-3:] for row in strip.to_table().rows}
    assert ("1", "1", "") == believed["pods", "3"]
    assert ("2", "1", "configmap/x") == believed["maps", "3"]


def test_a_panel_names_its_own_rows() -> None:
    """Beside a row stands a name only where its object is watched, and without the type."""
    lab = two_types()
    strip = lab.compare(scenario=AWAY, pods=of_pods(lab), maps=of_maps(lab)).strip
    beside = re.findall(r'<text x="94"[^>]*>([^<]*)<', strip.picture.svg())
    assert ["web", "x", "x", "y"] == sorted(beside)


def test_a_list_is_no_watch() -> None:
    """Who looks a config map up on the way to its pods is owed no config maps."""
    lab = two_types()

    def looks_up(options: ListOptions) -> Any:
        lab.api.list_namespaced_config_map(lab.namespace)
        return of_pods(lab)(options)

    assert (2, 2, 0, 2, 0) == sums(lab.compare(scenario=AWAY, f=looks_up)["f"].count)


def test_a_crowd_of_others_is_counted_by_type() -> None:
    """The band of those without a row counts what its own function watches, and names it."""
    steps = [Step(1.0, "add", f"m{n}", resource="configmaps") for n in range(30)]
    lab = Lab(history(*steps, existing=tuple(f"p{n}" for n in range(50))))
    found = lab.compare(scenario=[], pods=of_pods(lab), maps=of_maps(lab))
    picture = found.strip.picture.svg()
    assert "<title>50 more pods</title>" in picture
    assert "more configmaps" not in picture
    assert "objects" not in picture


def test_ask_names_what_it_asks_about() -> None:
    """Of several types the first is asked for, or the one that is named; the answer says which."""
    lab = two_types()
    first, other = (
        lab.ask(at=10.1, resource_version="rv@3"),
        lab.ask(at=10.1, resource_version="rv@3", resource="configmaps"),
    )
    assert "Asked for pods." == str(first).splitlines()[0]
    assert "Asked for configmaps." == str(other).splitlines()[0]
    assert [("DELETED", "x", "rv@4"), ("ADDED", "y", "rv@6"), ("MODIFIED", "y", "rv@7")] == list(
        other.to_table().rows
    )
    assert "<p>Asked for configmaps.</p>" in other._repr_mimebundle_()["text/html"]
    silent = lab.ask(at=29.9, resource_version="rv@7", resource="nodes")
    assert ["Asked for nodes.", "Nothing came, to the end of the recording."] == str(
        silent
    ).splitlines()
    with pytest.raises(LabError, match="no secrets in this recording: ask for one of pods, config"):
        lab.ask(at=0.0, resource="secrets")
    assert str(kwlab.open_lab().ask(at=32.05)).startswith("event ")


def test_a_function_that_narrows_an_exercise_has_not_solved_it() -> None:
    """An exercise is about all pods: who asks for one of them loses the others."""
    lab = kwlab.open_lab()
    one = of_pods(lab, field_selector="metadata.name=web-9")
    count = lab.compare(one=one)["one"].count
    assert () == count.lost
    judged = kwlab.exercise("pass-it-on").check(one)
    assert Verdict.NOT_YET is judged.verdict, judged


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_is_watched_whole_is_counted_as_it_is(name: str) -> None:
    """On a shipped recording, and where nobody was asked, nothing is left out or numbered anew."""
    recording, past = load(shipped()[name]), past_of(name)
    (resource,) = past.resources
    path = f"/api/v1/namespaces/{recording.header.namespace}/{resource.plural}"
    asked = Request(0.0, path, (("watch", "true"),), 200)
    assert past is watched_by(Log("f", [Attempt(0.0, "", [asked])]), past)
    assert past is watched_by(Log("f", [Attempt(0.0, "")]), past)


@st.composite
def several(draw: st.DrawFn) -> History:
    """Make pods and config maps of few names in two namespaces, and change them at random."""
    slots = [
        (plural, name, space)
        for plural in ("pods", "configmaps")
        for name in ("a", "b")
        for space in (NAMESPACE, "elsewhere")
    ]
    alive: set[tuple[str, str, str]] = set()
    steps = []
    for number, slot in enumerate(draw(st.lists(st.sampled_from(slots), min_size=1, max_size=25))):
        plural, name, space = slot
        is_gone = slot in alive and draw(st.booleans())
        action: Any = "delete" if is_gone else "modify" if slot in alive else "add"
        (alive.discard if is_gone else alive.add)(slot)
        steps.append(Step(1.0 + number, action, name, space, resource=plural))
    return history(*steps)


@given(several(), st.floats(1.0, 25.0), st.floats(0.0, 3.0))
def test_passing_it_on_never_loses(past: History, at: float, away_seconds: float) -> None:
    """Whatever else is recorded: the correct one loses nothing, and every sum adds up."""
    lab = Lab(past)
    space, cuts = NAMESPACE, [{"fault": "cut", "at": at, "away_seconds": away_seconds}]
    functions = {
        "pods": watching(lab, "list_namespaced_pod", space),
        "maps": watching(lab, "list_config_map_for_all_namespaces"),
        "wrong": watching(lab, "list_namespaced_config_map", space, drops=True),
    }
    found = lab.compare_all(functions, scenario=cuts)
    for name in functions:
        count = found[name].count
        watched = [c for c in past.changes if _is_watched(name, c.object)]
        assert [c.number for c in watched] == [c.number for c in count.changes]
        fates = [fate for _, _, fate in count.deliveries()]
        assert len(fates) == count.new + fates.count(Fate.REPLAYED)
        assert len(count.changes) == count.new + len(count.lost)
        if name != "wrong":
            assert (0, 0, ()) == (len(count.lost), count.replayed, count.ghosts)
            assert len(count.real) == len(count.believed)
    assert found.strip.picture.svg()


def _is_watched(name: str, item: Any) -> bool:
    plural = "pods" if name == "pods" else "configmaps"
    return item.resource.plural == plural and (name == "maps" or item.namespace == NAMESPACE)
