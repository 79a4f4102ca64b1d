"""What the recorder writes: complete, in order, whole at any moment, and with nothing secret."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import resource as limits
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import pytest
import yaml
from kubernetes import client

import kwlab
from kwlab import history, messages, recording
from kwlab.cluster.connection import connect
from kwlab.commands import main
from kwlab.comparison import Comparison
from kwlab.errors import ClusterError, LabError, RecordingError
from kwlab.history import History, Resource
from kwlab.made import Step, made
from kwlab.recorder import resources
from kwlab.recorder.journal import Journal
from kwlab.recorder.record import Recorder, Wanted
from kwlab.recorder.wholelines import WholeLines
from kwlab.recording import Header, ResourceEntry
from kwlab.server.serve import Served
from kwlab.wire import EventType, WatchEvent, with_kind, without_env_values, without_managed_fields
from tests.convert_capture import recorded_attempts
from tests.histories import MAPS, NAMESPACE, pods, shipped
from tests.make_recordings import ATTEMPTS, PLANS
from tests.notebook_files import COMMITTED, name_of
from tests.serving import until
from tests.test_catalogue import _run

SPEED: Final = 20.0
STORY: Final = shipped("pods-cut-twice")
QUIET: Final = pods(existing=("a", "b"))
TOKEN: Final = "sha256~not-to-be-written"
CONTEXT: Final = "of-my-employer"
USER: Final = "jane.doe@example.com"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextlib.contextmanager
def cluster(past: History, scenario: Any = (), *, speed: float = 1.0) -> Iterator[Served]:
    """Serve a history under a kubeconfig with credentials and names of somebody's own."""
    with Served(past, scenario, speed=speed) as served:
        known = yaml.safe_load(served.kubeconfig.read_text())
        known["users"] = [{"name": USER, "user": {"token": TOKEN}}]
        known["contexts"] = [
            {"name": CONTEXT, "context": {**known["contexts"][0]["context"], "user": USER}}
        ]
        Path("kubeconfig").write_text(yaml.safe_dump(known))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(Path("kubeconfig").absolute()))
            yield served


def arguments(*more: str, seconds: float = 0.3, output: str = "my.jsonl") -> list[str]:
    known = ["--context", CONTEXT, "--namespace", NAMESPACE]
    named = [] if "--resource" in more else ["--resource", "pods"]
    return ["record", *known, *named, "--seconds", f"{seconds:g}", "--output", output, *more]


def record(*more: str, **about: Any) -> recording.Recording:
    assert 0 == main(arguments(*more, **about))
    return recording.load(about.get("output", "my.jsonl"))


def refused(capsys: pytest.CaptureFixture[str], *more: str, status: int = 1, **about: Any) -> str:
    """Give the one line with which a recording is refused."""
    capsys.readouterr()
    assert status == main(arguments(*more, **about))
    said = capsys.readouterr()
    assert "" == said.out
    *_, line = said.err.splitlines()
    assert line.startswith("kwlab: ")
    return line


def happened(past: History) -> list[tuple[str, bytes]]:
    return [(str(change.type), change.object.data) for change in past.changes]


def test_a_served_story_is_recorded_as_it_was() -> None:
    """Objects and changes are the cluster's, byte for byte, through two cuts of the connection."""
    with cluster(STORY, [{"fault": "cut", "at": 15}, {"fault": "cut", "at": 31}], speed=SPEED):
        found = record(seconds=STORY.seconds / SPEED + 0.5)
    taken = history.from_recording(found)
    assert {item.data for item in STORY.objects} == {item.data for item in taken.objects}
    assert happened(STORY) == happened(taken)
    assert STORY.resource_version == taken.resource_version
    assert "1.36" == taken.server
    for was, now in zip(STORY.changes[:2], taken.changes, strict=False):
        assert now.at == pytest.approx(was.at / SPEED, abs=0.5)


def test_a_cut_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever records hears that the watch broke off and goes on."""
    with cluster(STORY, [{"fault": "cut", "at": 2}], speed=SPEED):
        record(seconds=0.5)
    said = capsys.readouterr()
    assert "The watch of pods broke off" in said.err
    assert 'Open it: kwlab.open_lab(recording="my.jsonl")' in said.out
    assert "Look through it before you give it away." in said.err


def test_it_begins_before_the_objects(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list is refused, unless it was expected; then it is said."""
    jobs = shipped("jobs-from-nothing")
    with cluster(jobs, speed=SPEED):
        assert "or write --from-nothing" in refused(capsys)
        assert not Path("my.jsonl").exists()
        found = record("--from-nothing", seconds=jobs.seconds / SPEED + 0.5)
    assert "the recording begins before them" in capsys.readouterr().err
    assert () == found.items
    assert happened(jobs) == happened(history.from_recording(found))


def test_several_types_in_one_sequence() -> None:
    """Types are listed at one resourceVersion, and their changes stand in one order."""
    steps = [
        Step(2.0 + n / 4, "add", f"x{n}", resource=("pods", "configmaps")[n % 2]) for n in range(20)
    ]
    past = made(shipped("pods-churn"), steps, existing=("a",), resources=(MAPS,))
    with cluster(past, speed=SPEED):
        found = record("--resource", "po", "--resource", "configmap", seconds=1.0)
    assert ["pods", "configmaps"] == [one.plural for one in found.header.resources]
    assert happened(past) == happened(history.from_recording(found))


def test_a_selector_and_a_packed_file() -> None:
    """A selector is asked of the server, and a .gz is packed."""
    past = pods(existing=("a", "b"))
    labels = json.loads(past.objects[0].data)["metadata"]["labels"]
    selector = ",".join(f"{k}={v}" for k, v in labels.items())
    with cluster(past) as served:
        assert 2 == len(record("--selector", selector, output="my.jsonl.gz").items)
        assert (selector,) == tuple({r.parameter("labelSelector") for r in asked(served)})
        assert "There are no pods" not in str(record("--selector", "x=y", "--from-nothing").items)
    assert b"\x1f\x8b" == Path("my.jsonl.gz").read_bytes()[:2]


def asked(served: Served) -> list[Any]:
    return [one for one in served.requests if one.path.endswith("/pods")]


def test_quiet_time_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bookmark is kept as progress, and the last line says how long it lasts."""
    monkeypatch.setattr("kwlab.recorder.record.WATCH_SECONDS", 60)
    far = str(int(QUIET.resource_version) + 50)
    past = pods(existing=("a",))
    past = History(**{**fields(past), "progress": ((20.0, far),)})
    with cluster(past, speed=100.0):
        found = record(seconds=0.8)
    assert far in [version for _, version in found.progress]
    assert found.header.seconds == pytest.approx(0.8, abs=0.5)
    assert found.header.seconds == found.progress[-1][0]


def fields(past: History) -> dict[str, Any]:
    return {name: getattr(past, name) for name in past.__dataclass_fields__}


def test_cuts_are_played_when_it_is_opened() -> None:
    """What --cut names goes wrong when the recording is played."""
    with cluster(STORY, speed=SPEED):
        record("--cut", "1", "--cut", "1.5:0.2", seconds=3.0)
    lab = kwlab.open_lab(recording="my.jsonl")
    assert "There are 2 cuts: at 1 s for an instant" in str(lab)
    found = lab.compare(correct=lambda options: pods_of(lab, options))
    assert len(STORY.changes) == found.runs[0].count.delivered


def pods_of(lab: Any, options: Any) -> Any:
    asks = {"watch": True, "_preload_content": False, **options}
    return lab.api.list_namespaced_pod(lab.namespace, **asks)


DID: Final[dict[EventType, Any]] = {
    EventType.ADDED: "add",
    EventType.MODIFIED: "modify",
    EventType.DELETED: "delete",
}


def with_maps(past: History) -> History:
    """Give the changes of a history of pods, one of config maps of the same names after each."""
    existing = [item.name for item in past.objects]
    steps: list[Step] = []
    maps: set[str] = set()
    for change in past.changes:
        name = change.object.name
        action = DID[change.type]
        steps.append(Step(change.at, action, name))
        is_gone = action == "delete" and name in maps
        does: Any = "delete" if is_gone else "modify" if name in maps else "add"
        (maps.discard if is_gone else maps.add)(name)
        steps.append(Step(change.at + 0.01, does, name, resource="configmaps"))
    return made(past, steps, existing=existing, seconds=past.seconds, resources=(MAPS,))


@pytest.mark.parametrize("types", [("pods",), ("pods", "configmaps")], ids=len)
@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_it_opens_in_every_notebook(path: Path, types: tuple[str, ...]) -> None:
    """Every cell runs on a recording of one's own, and every sentence is about its own objects.

    Where a cell names a moment of its own story, an answer is all that there can be.
    """
    mpl.use("Agg")
    with cluster(with_maps(STORY), speed=SPEED):
        named = [word for one in types for word in ("--resource", one)]
        cuts = ("--cut", "0.75", "--cut", "1.55:0.1")
        record(*named, *cuts, seconds=STORY.seconds / SPEED + 0.5)
    shown, unanswered = played_in(path)
    assert unanswered <= MOMENTS
    of_pods = [c for c in recording.load("my.jsonl").changes if c.item.plural == "pods"]
    assert shown
    for comparison in shown:
        for run in comparison.runs:
            assert len(of_pods) == len(run.count.changes)
        lines = (str(comparison), comparison.to_markdown(), str(comparison.strip))
        drawn = comparison.strip.picture.svg(), str(comparison.strip.to_table("changes"))
        assert not re.search("configmap|object[s:.]", "".join((*lines, *drawn)))
    correct = shown[-1]["correct"].count
    assert (len(of_pods), 0, ()) == (correct.new, correct.replayed, correct.lost)
    assert ((), True) == (correct.ghosts, len(correct.real) == len(correct.believed))
    strip = str(shown[-1].strip).splitlines()[-1]
    assert "0 changes lost; it believes in exactly what exists." in strip


MOMENTS: Final = frozenset({"ask.moment", "ask.version", "strip.go.only", "strip.go.none"})
"""What a cell may be told that names a place in its own story."""


def played_in(path: Path) -> tuple[list[Comparison], set[str]]:
    """Run a notebook on my.jsonl, and the correct function after it; give what was compared."""
    namespace: dict[str, Any] = {}
    values: list[object] = []
    unanswered: set[str] = set()
    ran = 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            mine = source.replace("open_lab()", 'open_lab(recording="my.jsonl")')
            try:
                values.append(_run(mine, namespace))
            except LabError as error:
                unanswered.add(key_of(str(error)))
            ran += mine != source
    assert 1 == ran
    lab = namespace["lab"]
    both = lab.compare(wrong=namespace["wrong"], correct=lambda options: pods_of(lab, options))
    found = [*values, *namespace.values(), both]
    return [value for value in found if isinstance(value, Comparison)], unanswered


def key_of(sentence: str) -> str:
    """Find a sentence in the catalogue: what says most of it, whatever its facts are."""
    known = [
        (parts, key)
        for key, template in messages.CATALOGUE.items()
        for text in ((template,) if isinstance(template, str) else template)
        if re.fullmatch(".*".join(map(re.escape, parts := re.split(r"\{\w+\}", text))), sentence)
    ]
    return max(known, key=lambda one: sum(map(len, one[0])), default=((), sentence))[1]


@pytest.fixture
def running() -> Iterator[subprocess.Popen[str]]:
    """Run the command beside a story that lasts, until its first changes are written."""
    with cluster(STORY, speed=SPEED), start("my.jsonl") as process:
        yield process


@contextlib.contextmanager
def start(output: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "kwlab", *arguments(seconds=600.0, output=output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **how) as process:
        try:
            until(lambda: lines_of(output) > 6 or process.poll() is not None)
            yield process
        finally:
            process.kill()


def lines_of(output: str) -> int:
    path = Path(output)
    if not path.exists():
        return 0
    data = path.read_bytes()
    return (gzip.decompress(data) if output.endswith(".gz") else data).count(b"\n")


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_recording_is_complete(
    running: subprocess.Popen[str], signalled: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end it as the end of its time does."""
    running.send_signal(signalled)
    _, said = running.communicate(timeout=20)
    assert 0 == running.returncode, said
    found = recording.load("my.jsonl")
    assert found.changes
    # It was tidied up: the header knows how long it lasts.
    assert 0 < json.loads(Path("my.jsonl").read_bytes().splitlines()[0])["seconds"] < 600


def test_interrupted_before_it_began(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the list is fetched there is nothing to keep, and it is said."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kwlab.recorder.asking.Source.present", interrupt)
    with cluster(QUIET):
        assert 130 == main(arguments())
    assert "Interrupted before anything was recorded." in capsys.readouterr().err
    assert not Path("my.jsonl").exists()


def test_a_recorder_that_was_away_too_long_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """After a 410 nobody can tell what happened; what came before is complete."""
    with cluster(STORY, [{"fault": "error", "at": 20, "code": 410}], speed=SPEED):
        assert 1 == main(arguments(seconds=30.0))
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("kwlab: The server has forgotten resourceVersion")
    found = history.from_recording(recording.load("my.jsonl"))
    assert happened(STORY)[: len(found.changes)] == happened(found)
    assert found.changes


@pytest.mark.parametrize("output", ["my.jsonl", "my.jsonl.gz"])
def test_a_killed_recording_can_be_opened(output: str) -> None:
    """Even SIGKILL leaves a file with every change that was written, and no torn line."""
    with cluster(STORY, speed=SPEED), start(output) as process:
        process.kill()
        process.wait()
    found = recording.load(output)
    assert found.changes
    assert found.header.seconds == found.changes[-1].at
    assert kwlab.open_lab(recording=output).history.changes


def test_a_full_disk_is_one_line() -> None:
    """When nothing more can be written, one line says so, and what was written is complete."""

    def small() -> None:
        limits.setrlimit(limits.RLIMIT_FSIZE, (16_000, 16_000))

    with cluster(STORY, speed=SPEED), start("my.jsonl", preexec_fn=small) as process:
        _, said = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert "kwlab: my.jsonl: File too large" == said.splitlines()[-1]
    assert recording.load("my.jsonl").changes
    assert ["kubeconfig", "my.jsonl"] == sorted(path.name for path in Path().iterdir())


def test_a_disk_that_has_room_again_gets_no_hole(tmp_path: Path) -> None:
    """What did not fit is cut off, and the next line comes right behind what is there."""
    lines = WholeLines(tmp_path / "lines", [b"first"])
    before, most = limits.getrlimit(limits.RLIMIT_FSIZE)
    limits.setrlimit(limits.RLIMIT_FSIZE, (10, most))
    try:
        with pytest.raises(RecordingError):
            lines.append(b"longer than the rest")
    finally:
        limits.setrlimit(limits.RLIMIT_FSIZE, (before, most))
    lines.append(b"second")
    lines.close()
    assert b"first\nsecond\n" == lines.path.read_bytes()


@pytest.mark.parametrize("namespace", ["default/secrets?watch=0&x=", "..", "a%2Fb"])
def test_a_namespace_leads_nowhere_else(namespace: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no name of a namespace could name Secrets instead: it is refused unasked."""
    with cluster(QUIET) as served:
        line = refused(capsys, "--namespace", namespace)
        assert not [request for request in served.requests if "namespaces" in request.path]
    assert "is no name of a namespace" in line
    assert not Path("my.jsonl").exists()


@pytest.mark.parametrize(
    "word", ["secrets", "secret", "Secrets", "secrets.v1", "serviceaccounts/token", "pods/log"]
)
def test_secrets_are_refused_before_anybody_is_asked(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under whatever name, and also beside something harmless."""
    with cluster(QUIET) as served:
        line = refused(capsys, "--resource", "pods", "--resource", word)
        assert () == served.requests
    assert f"{word} may hold credentials" in line
    assert not Path("my.jsonl").exists()


def test_what_is_a_token_by_its_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Credentials that a cluster serves under a harmless name are known by their kind."""
    logins = Resource("example.com", "v1", "logins", "AccessToken")
    past = made(shipped("pods-churn"), [], resources=(logins,))
    with cluster(past):
        assert "AccessToken may hold credentials" in refused(capsys, "--resource", "logins")


def test_nothing_secret_is_written() -> None:
    """No token, header, address, nor any name of a kubeconfig is in the files."""
    with cluster(STORY, speed=SPEED) as served:
        record("--beside", "wrong-and-correct", "--loop-seconds", "1", "--away", "0", seconds=1.5)
        address = f"127.0.0.1:{served.port}"
    assert TOKEN in Path("kubeconfig").read_text() and address in Path("kubeconfig").read_text()
    for name in ("my.jsonl", "my.attempts.jsonl"):
        text = Path(name).read_text(encoding="utf-8")
        assert len(text) > 1000
        for planted in (TOKEN, address, CONTEXT, USER, "Authorization", "Bearer", "User-Agent"):
            assert planted not in text


def test_attempts_are_what_was_asked_and_sent() -> None:
    """A line for each attempt of the loops, with its query, its lines and their times."""
    with cluster(STORY, speed=SPEED) as served:
        record("--beside", "wrong-and-correct", "--loop-seconds", "1", "--away", "0.1", seconds=2.6)
        watched = [one for one in served.requests if one.is_watch]
    attempts = [json.loads(one) for one in Path("my.attempts.jsonl").read_text().splitlines()]
    assert {"wrong", "correct"} == {one["loop"] for one in attempts}
    assert all("resourceVersion" not in one["query"] for one in attempts if one["loop"] == "wrong")
    assert all("resourceVersion" in one["query"] for one in attempts if one["loop"] == "correct")
    sent = [[line["line"] for line in one["lines"]] for one in attempts]
    real = [[line.decode().rstrip("\n") for _, line in one.sent] for one in watched]
    assert all(lines in real for lines in sent)
    for one in attempts:
        times = [one["asked"], *(line["t"] for line in one["lines"]), one["closed"]]
        assert sorted(times) == times


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """--help says of each option what it does, and shows a whole command."""
    with pytest.raises(SystemExit, match="0"):
        main(["record", "--help"])
    said = capsys.readouterr().out
    _, _, listed = said.partition("options:")
    options = re.findall(r"^  (?:-h, )?--([a-z-]+)[^\n]*(\n {20,}\S|  +\S)", listed, re.MULTILINE)
    assert set(re.findall(r"\[?--([a-z-]+)", said)) == {name for name, _ in options}
    assert "kwlab record --context kind-kwlab" in said
    assert "Secrets are never recorded" in said


def test_an_item_that_names_its_kind_stays_as_it_is() -> None:
    """Lists of custom resources name the kind in every item, in their own order."""
    custom = b'{"apiVersion":"example.com/v1","kind":"Pony","metadata":{}}'
    assert custom == with_kind("example.com/v1", "Pony", custom)
    assert b'{"kind":"Pod","apiVersion":"v1","metadata":{}}' == with_kind(
        "v1", "Pod", b'{"metadata":{}}'
    )


MANAGED: Final = b',"managedFields":[{"manager":"kubectl \\"apply\\"","fieldsV1":{"f:env":{}}}]'
APPLIED: Final = b'"kubectl.kubernetes.io/last-applied-configuration":"{\\"env\\":[1]}"'
ENV: Final = b'[{"name":"P","value":"s3cret","x":1},{"name":"Q","valueFrom":{"secretKeyRef":{}}}]'
NAMED: Final = b'[{"name":"P","x":1},{"name":"Q","valueFrom":{"secretKeyRef":{}}}]'
OBJECT: Final = (
    b'{"kind":"Pod","metadata":{"name":"\xc3\xa9\\u003c","annotations":{"a":"b",%s}%s},'
    b'"spec":{"containers":[{"env":%s,"args":["\\"env\\":[1]"]}],"n":1.50}}'
)


def test_managed_fields_go_and_every_other_byte_stays() -> None:
    """Dropped is what was asked to be dropped; nothing is encoded anew."""
    whole = OBJECT % (APPLIED, MANAGED, ENV)
    expected = whole.replace(MANAGED, b"").replace(b"," + APPLIED, b"")
    assert expected == without_managed_fields(whole)
    assert expected == without_managed_fields(expected)


def test_env_values_go_and_their_names_stay() -> None:
    """A value goes wherever it stands, also from what was applied last."""
    whole = OBJECT % (APPLIED, MANAGED, ENV)
    expected = whole.replace(ENV, NAMED).replace(b"," + APPLIED, b"")
    assert expected == without_env_values(whole)
    assert b'{"env":[]}' == without_env_values(b'{"env":["P=s3cret"]}')
    assert b'{"env":[]}' == without_env_values(b'{"env":{"P":"s3cret"}}')


def test_an_annotation_map_that_becomes_empty_goes_too() -> None:
    """As a server leaves an empty map out."""
    whole = b'{"metadata":{"annotations":{%s},"name":"a"}}' % APPLIED
    assert b'{"metadata":{"name":"a"}}' == without_managed_fields(whole)


def test_redaction_reaches_every_file() -> None:
    """What was to be left out is in no line of the recording, and of no loop."""
    assert b"managedFields" in STORY.objects[0].data
    with cluster(STORY, speed=SPEED):
        beside = ("--beside", "wrong-and-correct", "--loop-seconds", "1")
        record("--without-managed-fields", *beside, seconds=1.2)
    for name in ("my.jsonl", "my.attempts.jsonl"):
        assert "managedFields" not in Path(name).read_text()


@pytest.mark.parametrize("seconds", ["abc", "-1", "0", "nan", "inf", ""])
def test_a_bad_duration_is_one_line(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no number of seconds is refused before anybody is asked."""
    line = refused(capsys, "--seconds", seconds, status=64)
    assert f"kwlab: --seconds is {seconds}: write a number of seconds" in line


REFUSED: Final = {
    "a loop's part of a second": (
        ("--beside", "wrong-and-correct", "--loop-seconds", "1.5"),
        "--loop-seconds is 1.5: the server counts whole seconds.",
    ),
    "a cut after the end": (("--cut", "5"), "--cut 5 comes after the end"),
    "a cut that is none": (("--cut", "x:1"), "--cut is x: write a number of seconds"),
    "another suffix": (("--output", "my.json"), "my.json: a recording's name ends in .jsonl"),
    "no such folder": (("--output", "no/my.jsonl"), "there is no folder no"),
    "a name that is too long": (("--output", "x" * 300 + ".jsonl"), "File name too long"),
    "unknown resource": (("--resource", "ponies"), "knows no ponies: kubectl"),
    "unknown group": (("--resource", "pods.example.com"), "knows no pods.example.com"),
    "a selector that is none": (("--selector", "=="), "refused (400): found '=='"),
    "unknown context": (("--context", "nowhere"), "has no context nowhere; it has of-my-employer"),
    "no context": (("--context", ""), "Name the cluster: --context NAME"),
}


ASKED: Final = {"unknown resource", "unknown group", "a selector that is none", "unknown context"}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_one_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line each, and no file; what the cluster has to say is no wrong usage."""
    more, expected = REFUSED[case]
    with cluster(QUIET):
        assert expected in refused(capsys, *more, status=1 if case in ASKED else 64)
    assert ["kubeconfig"] == [path.name for path in Path().iterdir()]


@pytest.mark.parametrize("name", ["my.jsonl", "my.attempts.jsonl"])
def test_nothing_is_overwritten(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a recording nor what stands beside it."""
    Path(name).write_text("mine")
    line = refused(capsys, "--beside", "wrong-and-correct", status=64)
    assert f"kwlab: {name}: it exists already" in line
    assert "mine" == Path(name).read_text()


def test_a_cluster_that_does_not_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The connection's own sentence is the recorder's."""
    with cluster(QUIET):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(Path("kubeconfig").absolute()))
        assert "does not answer" in refused(capsys)


def test_a_group_whose_server_is_away_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for a name passes over a group that fails, unless it was named."""

    def fail(self: Any, group: str, version: str, **_: Any) -> Any:
        if group == "apps":
            raise client.exceptions.ServiceException(status=503)
        return real(self, group, version)

    real = client.CustomObjectsApi.get_api_resources
    monkeypatch.setattr(client.CustomObjectsApi, "get_api_resources", fail)
    late = Resource("zoo.example.com", "v1", "ponies", "Pony")
    apps = Resource("apps", "v1", "deployments", "Deployment")
    past = made(shipped("pods-churn"), [], resources=(apps, late))
    with cluster(past), contextlib.closing(connect(CONTEXT)) as connection:
        (found,) = resources.find(connection, ["pony"])
        with pytest.raises(ClusterError, match="503"):
            resources.find(connection, ["deployments.apps"])
    assert ResourceEntry("ponies", "Pony", "zoo.example.com") == found


def test_a_resource_is_named_once() -> None:
    """Several words for one type are one type, and versions may be named."""
    with cluster(QUIET), contextlib.closing(connect(CONTEXT)) as connection:
        words = ["pods", "Pod", "po", "pods.v1", "deployments.v1.apps", "deploy", "nodes"]
        found = resources.find(connection, words)
    assert ["pods", "deployments", "nodes"] == [one.plural for one in found]
    assert [True, True, False] == [one.namespaced for one in found]


def test_a_stopped_recorder_leaves_nothing_running() -> None:
    """No thread is left, and no socket: it ends by its own hand."""
    before = set(threading.enumerate())
    with cluster(STORY, speed=SPEED), contextlib.closing(connect(CONTEXT)) as connection:
        found = resources.find(connection, ["pods"])
        wanted = Wanted(resources=found, namespace=NAMESPACE, seconds=600.0)
        recorder = Recorder(connection, wanted, Path("my.jsonl"), lambda _: None)
        timer = threading.Timer(0.3, recorder.stop)
        timer.start()
        assert 0 < recorder.run().seconds < 30
        timer.join()
    assert before >= set(threading.enumerate())


def test_the_shipped_recordings_show_what_they_are_named_for() -> None:
    """Deletions in an outage, the same name again, an empty start, and five hundred objects."""
    found = {plan.name: recording.load(recording.shipped()[plan.name]) for plan in PLANS}
    assert {"1.37"} == {one.header.server for one in found.values()}
    sizes = {name.removeprefix("pods-"): len(one.items) for name, one in found.items()}
    assert {"outage": 4, "recreated": 3, "from-nothing": 0, "500": 500} == sizes
    names = {(c.item.identity.name, c.item.identity.uid) for c in found["pods-recreated"].changes}
    assert len({name for name, _ in names}) + 5 == len(names)
    for name, lost in (("pods-outage", 4), ("pods-recreated", 4)):
        beside = recorded_attempts(ATTEMPTS / f"{name}.attempts.jsonl.gz")
        sent = {line for one in beside if one.loop == "wrong" for line in one.lines}
        gone = [c.item.data for c in found[name].changes if c.type is EventType.DELETED]
        # What the real server never told the loop that threw the resourceVersion away.
        assert lost == sum(b'{"type":"DELETED","object":%s}' % data not in sent for data in gone)


def header(**about: Any) -> Header:
    known = {"name": "x", "server": "1.37", "recorded": "", "namespace": "lab"}
    entries = (ResourceEntry("pods", "Pod"), ResourceEntry("configmaps", "ConfigMap"))
    return Header(**{"kwlab_recording": 1, "resource_version": "9", "resources": entries, **known})


def added(version: int) -> WatchEvent:
    about = {"name": f"n{version}", "uid": f"u{version}", "resourceVersion": str(version)}
    return WatchEvent(json.dumps({"type": "ADDED", "object": {"metadata": about}}).encode())


def test_types_that_were_told_late_are_put_in_order() -> None:
    """The resourceVersions know the order; a change is never earlier than the one before it."""
    journal = Journal(Path("my.jsonl"), header(), [], redact=bytes, began=0.0)
    for plural, version in (("pods", 12), ("configmaps", 10), ("pods", 13), ("configmaps", 11)):
        journal.change(plural, added(version))
    told = recording.load("my.jsonl")
    journal.close()
    for found in (told, recording.load("my.jsonl")):
        assert ["10", "11", "12", "13"] == [c.item.identity.resource_version for c in found.changes]
        assert sorted(c.at for c in found.changes) == [c.at for c in found.changes]


def test_a_change_after_the_end_is_not_written() -> None:
    """A watch that is slow to stop writes nothing into a file that is complete."""
    journal = Journal(Path("my.jsonl"), header(), [], redact=bytes, began=0.0)
    journal.close()
    journal.change("pods", added(12))
    journal.progress("13")
    assert () == recording.load("my.jsonl").changes


def test_an_object_without_an_identity_ends_it_in_a_sentence() -> None:
    """What no other recording could hold is not written."""
    journal = Journal(Path("my.jsonl"), header(), [], redact=bytes, began=0.0)
    nobody = WatchEvent(b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}')
    with pytest.raises(RecordingError, match="metadata has no uid"):
        journal.change("pods", nobody)
    journal.close()
    assert () == recording.load("my.jsonl").changes


def test_a_reader_of_its_progress_may_go_away() -> None:
    """With standard error closed, the recording goes on to its end."""
    with cluster(STORY, speed=SPEED):
        command = [sys.executable, "-m", "kwlab", *arguments(seconds=0.5)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.close()
            assert 0 == process.wait(timeout=30)
    assert recording.load("my.jsonl").header.seconds >= 0.5


def test_a_recording_that_nobody_could_load_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would pass the limit of a file is not written; what was written loads."""
    monkeypatch.setattr("kwlab.recorder.journal._SIZE_LIMIT_BYTES", 500)
    journal = Journal(Path("my.jsonl"), header(), [], redact=bytes, began=0.0)
    journal.change("pods", added(12))
    with pytest.raises(RecordingError, match="a longer one could not be loaded"):
        journal.change("pods", added(13))
    journal.close()
    assert 1 == len(recording.load("my.jsonl").changes)
