"""What kwlab may do on a cluster, what it says when it may not, and what it leaves behind."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import certifi
import pytest
import yaml
from kubernetes import utils
from kubernetes.client import AdmissionregistrationV1Api, ApiClient
from kubernetes.client.exceptions import ApiException, NotFoundException

import kwlab
from kwlab.cluster import claims, connection, driver, ownership
from kwlab.cluster.connection import Connection, connect
from kwlab.cluster.endpoint import ServerEndpoint
from kwlab.cluster.namespace import Namespace
from kwlab.commands import main
from kwlab.errors import ClusterError
from kwlab.exits import Exit
from kwlab.lab import Lab
from tests import watch_functions as functions
from tests.live import CONTEXT, LiveCluster, live_cluster

pytestmark = pytest.mark.needs("rig")

WORKSHOP: Final = Path(kwlab.__file__).parent / "cluster" / "workshop.yaml"
LATE_SECONDS: Final = 30.0

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiveCluster]:
    with live_cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _kubeconfig(cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", cluster.server.kubeconfig)


@pytest.fixture
def written(
    cluster: LiveCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Write the kubeconfig anew, with something else in it."""
    known = yaml.safe_load(Path(cluster.server.kubeconfig).read_text(encoding="utf-8"))

    def write(*, cluster_says: Any = None, user_says: Any = None, **others: Any) -> None:
        changed = copy.deepcopy(known)
        changed["clusters"][0]["cluster"].update(cluster_says or {})
        changed["users"][0]["user"].update(user_says or {})
        changed.update(others)
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(path))

    return write


def refusal(context: str = CONTEXT, **options: Any) -> str:
    with pytest.raises(ClusterError) as caught:
        kwlab.open_lab(context=context, **options).close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def eventually(look: Callable[[], Any]) -> Any:
    """Look again and again, until there is something to see."""
    late, pause = time.monotonic() + LATE_SECONDS, threading.Event()
    while not (seen := look()):
        assert time.monotonic() < late
        pause.wait(0.05)
    return seen


# The way there.


def test_no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a kubeconfig the line names the place, and how to get a cluster."""
    path = tmp_path / "none"
    monkeypatch.setenv("KUBECONFIG", str(path))
    said = refusal()
    assert f"There is no kubeconfig at {path}" in said
    assert "kind create cluster" in said


def test_an_unknown_context() -> None:
    """The line names the contexts that there are."""
    assert "has no context elsewhere; it has admin, viewer." in refusal("elsewhere")


@pytest.mark.parametrize("text", ["{{{", "", "- a", "contexts: [{name: admin}]"])
def test_a_kubeconfig_that_cannot_be_read(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged kubeconfig is named, with the reason."""
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert f"The kubeconfig {path} cannot be used: " in refusal()


def test_a_server_that_is_not_there(written: Callable[..., None]) -> None:
    """The line names the address, and what happened there."""
    written(cluster_says={"server": "https://127.0.0.1:1"})
    said = refusal()
    assert "does not answer at https://127.0.0.1:1 (" in said


def test_a_certificate_that_is_not_trusted(
    written: Callable[..., None], cluster: LiveCluster
) -> None:
    """Another cluster at the same address, as after kind delete and kind create."""
    written(cluster_says={"certificate-authority": certifi.where()})
    said = refusal()
    assert f"{cluster.server.url} has no certificate that context admin trusts" in said


def test_a_wrong_token(written: Callable[..., None]) -> None:
    """A token that the server does not know is told as such."""
    written(user_says={"token": "wrong"})
    assert "does not accept your credentials: they have expired or are wrong" in refusal()


def test_an_expired_token(written: Callable[..., None], cluster: LiveCluster) -> None:
    """A token that was good a moment ago is told in the same words."""
    written(user_says={"token": cluster.server.do("token", seconds=3)["token"]})
    assert "cannot get namespaces" not in refusal()

    def said() -> str | None:
        heard = refusal()
        return heard if "credentials" in heard else None

    assert "does not accept your credentials: they have expired" in eventually(said)


def test_nobody_in_particular(
    written: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without credentials a server speaks of system:anonymous, and we of credentials."""
    written(users=[])
    assert "does not accept your credentials" in refusal()
    # The recorder asks for a path before any resource.
    record = ["record", "--context", CONTEXT, "--resource", "pods", "--namespace", "lab"]
    assert 1 == main([*record, "--seconds", "1", "--output", str(tmp_path / "a.jsonl")])
    assert "does not accept your credentials" in capsys.readouterr().err


def test_no_service_account_here() -> None:
    """Outside a pod, in-cluster is refused."""
    assert "There is no service account here" in refusal("in-cluster")


def test_an_http_proxy() -> None:
    """Who reaches the cluster through an HTTP proxy is told that the wire has to be ours."""
    settings = connect(CONTEXT).configuration
    settings.proxy = "http://127.0.0.1:1"
    with pytest.raises(ClusterError, match="set NO_PROXY so that https://127"):
        ServerEndpoint(Connection(CONTEXT, ApiClient(settings), "", "1.37"))


# What may be done there.


def test_no_permission(cluster: LiveCluster) -> None:
    """The line names who, the verb, the resource and the namespace."""
    said = refusal("viewer", namespace="lab")
    assert "viewer may not get namespaces in namespace lab (context viewer)" in said


def test_no_permission_in_the_middle(cluster: LiveCluster, workshop: Callable[..., str]) -> None:
    """A Role without one verb is told by that verb."""
    workshop("no-patch", lambda text: text.replace("create, patch", "create"))
    lab = kwlab.open_lab(context="learner", namespace="no-patch")
    with lab, pytest.raises(ClusterError) as caught:
        lab.run(functions.correct(lab))
    assert ":no-patch may not patch pods in namespace no-patch (context learner)" in str(
        caught.value
    )


def test_a_namespace_of_somebody_else(cluster: LiveCluster) -> None:
    """Without our label a namespace is refused, and nothing in it is touched."""
    theirs = cluster.server.new_namespace("theirs")
    before = cluster.core.read_namespace(theirs).to_dict()
    assert f"Namespace {theirs} on admin is not kwlab's" in refusal(namespace=theirs)
    assert before == cluster.core.read_namespace(theirs).to_dict()
    assert 1 == main(["clean", "--context", CONTEXT, "--namespace", theirs])
    assert before == cluster.core.read_namespace(theirs).to_dict()


def test_a_namespace_that_is_being_removed(cluster: LiveCluster) -> None:
    """One that does not go is told after a while; one that goes is waited for."""
    about = ownership.namespace("leaving")
    cluster.core.create_namespace(about)
    held = {"metadata": {"name": "held", "finalizers": ["kwlab.test/held"]}}
    cluster.core.create_namespaced_pod("leaving", {**held, "spec": _SPEC})
    cluster.core.delete_namespace("leaving")
    place = Namespace(connect(CONTEXT), "leaving")
    with pytest.raises(ClusterError, match="is being removed"):
        place.claim(patience_seconds=0.0)
    free = {"metadata": {"finalizers": None}}
    cluster.core.patch_namespaced_pod("held", "leaving", free)
    place.claim()
    assert cluster.is_there("leaving")
    assert place.release()


def test_a_namespace_that_is_removed_meanwhile(cluster: LiveCluster) -> None:
    """The server's own word for it, when something is made in it."""
    with kwlab.open_lab(context=CONTEXT, namespace="vanishing") as lab:
        held = {"metadata": {"name": "held", "finalizers": ["kwlab.test/held"]}}
        cluster.core.create_namespaced_pod("vanishing", {**held, "spec": _SPEC})
        cluster.core.delete_namespace("vanishing")
        late = {"metadata": {"name": "late"}}
        refused = pytest.raises(ClusterError, match="is being removed")
        with refused, connect(CONTEXT).clear_errors():
            cluster.core.create_namespaced_config_map("vanishing", late)
        free = {"metadata": {"finalizers": None}}
        cluster.core.patch_namespaced_pod("held", "vanishing", free)
        # It is made anew where it was ours.
        assert 14 == lab.run(functions.correct(lab)).runs[0].count.delivered


def test_a_quota(cluster: LiveCluster, workshop: Callable[..., str]) -> None:
    """What the quota says is in the line."""
    workshop("small", lambda text: text.replace('pods: "510"', 'pods: "2"'))

    def said() -> str:
        # The server takes a moment to know a new quota.
        try:
            lab.run(functions.correct(lab))
        except ClusterError as error:
            return str(error)
        return ""

    with kwlab.open_lab(context="learner", namespace="small") as lab:
        heard = eventually(said)
    assert "The quota of the namespace is used up" in heard
    assert "limited: pods=2" in heard


def test_a_namespace_that_is_not_ready_is_waited_for(
    cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new namespace has no service account for a moment, and its pods are refused until then."""
    policies = AdmissionregistrationV1Api(cluster.server.client())
    pause = threading.Event()

    def furnish(seconds: float) -> None:
        with contextlib.suppress(NotFoundException):
            policies.delete_validating_admission_policy_binding("early")
        pause.wait(seconds)

    policies.create_validating_admission_policy(_EARLY)
    binding = {"policyName": "early", "validationActions": ["Deny"]}
    policies.create_validating_admission_policy_binding(
        {"metadata": {"name": "early"}, "spec": binding}
    )
    eventually(lambda: "looking up service account" in _said_to_a_pod(cluster, "lab"))
    waits = types.SimpleNamespace(monotonic=time.monotonic, sleep=furnish)
    monkeypatch.setattr(driver, "time", waits)
    with kwlab.open_lab(context=CONTEXT, namespace="fresh") as lab:
        assert 14 == lab.run(functions.correct(lab)).runs[0].count.delivered
    policies.delete_validating_admission_policy("early")


def _said_to_a_pod(cluster: LiveCluster, namespace: str) -> str:
    try:
        cluster.core.create_namespaced_pod(namespace, {"metadata": {"name": "a"}, "spec": _SPEC})
    except ApiException as error:
        return str(error.body)
    cluster.core.delete_namespaced_pod("a", namespace, grace_period_seconds=0)
    return ""


@pytest.fixture
def workshop(
    cluster: LiveCluster, written: Callable[..., None], tmp_path: Path
) -> Callable[..., str]:
    """Give a learner what workshop.yaml gives, in a namespace of another name."""

    def furnish(name: str, change: Callable[[str], str] = str) -> str:
        text = change(WORKSHOP.read_text(encoding="utf-8"))
        for key in ("name", "namespace"):
            text = text.replace(f" {key}: kwlab\n", f" {key}: {name}\n")
        manifest = tmp_path / "workshop.yaml"
        manifest.write_text(text, encoding="utf-8")
        utils.create_from_yaml(cluster.server.client(), str(manifest))
        cluster.controllers.wait_for(name)
        asked = {"spec": {"expirationSeconds": 3600}}
        lent = cluster.core.create_namespaced_service_account_token(name, name, asked)
        token = str(lent.status.token)
        named = [{"name": "learner", "context": {"cluster": "rig", "user": "admin"}}]
        written(user_says={"token": token}, contexts=named)
        return token

    return furnish


def test_a_learner_of_a_workshop(cluster: LiveCluster, workshop: Callable[..., str]) -> None:
    """workshop.yaml is enough to play, and leaves the namespace when the learner is done."""
    workshop("kwlab-2")
    with kwlab.open_lab(context="learner", namespace="kwlab-2") as lab:
        assert str(_here()) == str(lab.compare(wrong=functions.wrong(lab)))
        assert [] != cluster.pods("kwlab-2")
    assert [] == cluster.pods("kwlab-2")
    assert cluster.is_there("kwlab-2")
    assert "may not get namespaces in namespace default" in refusal("learner", namespace="default")


COMMANDS: Final = re.compile(r"^#     (.*\n)", re.MULTILINE)


def test_a_kubeconfig_for_a_learner(
    cluster: LiveCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands at the head of workshop.yaml make all that a learner needs, for one and two."""
    text = WORKSHOP.read_text(encoding="utf-8")
    (tmp_path / "workshop.yaml").write_text(text, encoding="utf-8")
    *commands, start = COMMANDS.findall(text)
    assert (
        "KUBECONFIG=kwlab-1.kubeconfig KWLAB_CONTEXT=kwlab KWLAB_NAMESPACE=kwlab-1 make lab\n"
        == (start)
    )
    tools = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    written = "".join(commands)
    assert "LEARNER=kwlab-1\n" in written
    for learner in ("kwlab-1", "kwlab-9"):
        subprocess.run(
            ["sh", "-e", "-c", written.replace("kwlab-1", learner)],
            cwd=tmp_path,
            env={**cluster.environment, "PATH": tools, "HOME": str(tmp_path)},
            check=True,
            timeout=LATE_SECONDS,
        )
        cluster.controllers.wait_for(learner)
        file = tmp_path / f"{learner}.kubeconfig"
        assert 0o600 == file.stat().st_mode & 0o777
        assert cluster.server.tokens["admin"] not in file.read_text(encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(file))
        with kwlab.open_lab(context="kwlab", namespace=learner) as lab:
            assert str(_here()) == str(lab.compare(wrong=functions.wrong(lab)))
        assert cluster.is_there(learner)
        other = "kwlab-9" if learner == "kwlab-1" else "kwlab-1"
        assert f"may not get namespaces in namespace {other}" in refusal("kwlab", namespace=other)


def test_a_learner_inside_the_cluster(
    cluster: LiveCluster,
    workshop: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pod's service account is enough, and its own namespace is the one that is used."""
    (tmp_path / "token").write_text(workshop("inside"), encoding="utf-8")
    (tmp_path / "ca.crt").write_bytes(Path(cluster.server.authority).read_bytes())
    (tmp_path / "namespace").write_text("inside", encoding="utf-8")
    monkeypatch.setattr(connection, "_ACCOUNT_FOLDER", tmp_path)
    host, _, port = cluster.server.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.delenv("KUBECONFIG")
    with kwlab.open_lab(context="in-cluster") as lab:
        assert "inside" == lab.namespace
        assert str(_here()) == str(lab.compare(wrong=functions.wrong(lab)))


# What is said before, and what is left after.


def test_it_says_what_it_will_do_before_it_does_it(
    cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line comes when nothing is made yet, and once for a namespace."""
    said: list[tuple[str, bool]] = []
    monkeypatch.setattr(claims, "tell", lambda text: said.append((text, cluster.is_there("told"))))
    with kwlab.open_lab(context=CONTEXT, namespace="told") as lab:
        with kwlab.open_lab("jobs-from-nothing", context=CONTEXT, namespace="told"):
            pass
        assert cluster.is_there("told")
        assert "told" == lab.namespace
    ((text, was_there),) = said
    assert not was_there
    assert "in namespace told of admin" in text
    assert "python -m kwlab clean --context admin --namespace told" in text
    assert not cluster.is_there("told")


PLAYS: Final = """
import sys, threading, kwlab
lab = kwlab.open_lab(namespace=sys.argv[1])
def stuck(options):
    print("playing", flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize(
    ("code", "sent", "status"),
    [
        ("lab.run(stuck)", signal.SIGTERM, 128 + signal.SIGTERM),
        ("lab.run(stuck)", signal.SIGHUP, 128 + signal.SIGHUP),
        ("lab.resource_version; print('playing')", None, 0),
        ("lab.resource_version; print('playing', flush=True); 1 / 0", None, 1),
        ("lab.run(stuck)", signal.SIGINT, -signal.SIGINT),
    ],
    ids=["SIGTERM", "SIGHUP", "end", "exception", "Ctrl-C"],
)
def test_everything_is_removed_at_the_end(
    code: str, sent: signal.Signals | None, status: int, cluster: LiveCluster, name: str
) -> None:
    """After the end, an exception, Ctrl-C and a kind kill in the middle nothing is left."""
    with playing(cluster, name, PLAYS + code) as running:
        if sent is not None:
            running.send_signal(sent)
        assert status == running.wait(LATE_SECONDS)
    assert not cluster.is_there(name)


@pytest.mark.parametrize(
    ("before", "status"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: os._exit(7))", 7),
        ("sys.modules['IPython'] = types.SimpleNamespace(get_ipython=object)", -signal.SIGTERM),
    ],
    ids=["a handler", "IPython"],
)
def test_a_signal_that_somebody_else_handles_is_theirs(
    before: str, status: int, cluster: LiveCluster, name: str
) -> None:
    """A program's own handler stays, and a kernel ends as it always did."""
    code = f"import os, signal, sys, types\n{before}\n{PLAYS}lab.run(stuck)"
    with playing(cluster, name, code) as running:
        running.terminate()
        assert status == running.wait(LATE_SECONDS)
    assert 0 == main(["clean", "--context", CONTEXT, "--namespace", name])


def test_a_lab_in_another_thread_changes_no_signal(cluster: LiveCluster, name: str) -> None:
    """Python allows it in the main thread only; the lab opens all the same."""
    before = signal.getsignal(signal.SIGTERM)
    opened: list[Lab] = []
    code = lambda: opened.append(kwlab.open_lab(context=CONTEXT, namespace=name))  # noqa: E731
    opening = threading.Thread(target=code)
    opening.start()
    opening.join(LATE_SECONDS)
    opened[0].close()
    assert before is signal.getsignal(signal.SIGTERM)


def test_a_closed_lab_makes_nothing_any_more(cluster: LiveCluster) -> None:
    """Nobody would remove it again: whoever goes on with it is told to open another."""
    lab = kwlab.open_lab(context=CONTEXT, namespace="closed")
    lab.close()
    uses: list[Callable[[], object]] = [
        lambda: lab.run(functions.correct(lab)),
        lambda: lab.resource_version,
        lambda: lab.ask(at=1.0),
    ]
    for use in uses:
        with pytest.raises(ClusterError, match="open another"):
            use()
    assert not cluster.is_there("closed")


def test_a_lab_is_closed_once(cluster: LiveCluster) -> None:
    """Closing again takes nothing from another lab of the program."""
    first, second = (kwlab.open_lab(context=CONTEXT, namespace="shared") for _ in range(2))
    first.close()
    first.close()
    assert cluster.is_there("shared")
    second.close()
    assert not cluster.is_there("shared")


@pytest.mark.parametrize("is_ours", [True, False])
def test_two_that_make_the_namespace_at_once(
    is_ours: bool, cluster: LiveCluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second takes it if it is labelled, as if it had been there before."""
    place = Namespace(connect(CONTEXT), name)
    make = place._make

    def make_late() -> bool:
        about = ownership.namespace(name) if is_ours else {"metadata": {"name": name}}
        with contextlib.suppress(ApiException):
            cluster.core.create_namespace(about)
        return make()

    monkeypatch.setattr(place, "_make", make_late)
    with contextlib.nullcontext() if is_ours else pytest.raises(ClusterError, match="not kwlab's"):
        place.claim()
    assert not place.may_be_left
    cluster.core.delete_namespace(name)


def test_only_the_namespace_that_was_looked_at_is_removed(cluster: LiveCluster, name: str) -> None:
    """One that was made anew meanwhile is another one."""
    place = Namespace(connect(CONTEXT), name)
    place.claim()
    with pytest.raises(ClusterError, match="409"), place.connection.clear_errors():
        place._remove("another")
    assert cluster.is_there(name)
    assert place.release()


def test_what_a_killed_kernel_left_is_cleaned_away(
    cluster: LiveCluster, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """python -m kwlab clean removes what nobody could remove, and says so; then nothing is left."""
    with playing(cluster, name, PLAYS + "lab.run(stuck)") as running:
        running.kill()
    assert {"web-2", "web-4", "web-9"} == set(cluster.pods(name))
    clean = ["clean", "--context", CONTEXT, "--namespace", name]
    assert 0 == main(clean)
    assert f"Removed what kwlab made in namespace {name} of admin.\n" == capsys.readouterr().out
    assert not cluster.is_there(name)
    assert 0 == main(clean)
    assert "There is nothing of kwlab's in admin" in capsys.readouterr().out


def test_cleaning_names_its_cluster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a context nothing is cleaned: the kubeconfig's own does not count."""
    monkeypatch.delenv("KWLAB_CONTEXT", raising=False)
    assert Exit.USAGE == main(["clean"])
    assert "kwlab: Name the cluster: --context NAME" in capsys.readouterr().err


def test_what_cannot_be_removed_is_told(
    cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that refuses at the end is no silence: the line says how to clean later."""
    said: list[str] = []
    monkeypatch.setattr(claims, "tell", said.append)
    place = Namespace(connect(CONTEXT), "kept")
    claims.take(place)
    with monkeypatch.context() as changed:
        changed.setattr(place.connection.configuration, "refresh_api_key_hook", None)
        changed.setitem(place.connection.configuration.api_key, "BearerToken", "Bearer wrong")
        claims.release_all()
    assert "does not accept your credentials" in said[1]
    assert "python -m kwlab clean --context admin --namespace kept" in said[1]
    assert place.release()


@pytest.fixture
def name() -> str:
    """Name a namespace that no other test has."""
    return f"play-{next(_numbers)}"


@contextmanager
def playing(cluster: LiveCluster, namespace: str, code: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that plays in a namespace; it plays when this is entered."""
    command = [sys.executable, "-c", code, namespace]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, env=cluster.environment, stdout=pipe, stderr=nothing, text=True
    ) as running:
        try:
            assert running.stdout is not None
            assert "playing\n" == running.stdout.readline()
            yield running
        finally:
            running.kill()


_SPEC: Final = {"containers": [{"name": "a", "image": "b"}], "schedulerName": "nobody"}


# The rig does without the admission plugin that asks for accounts: this says what it says.
_EARLY: Final = {
    "metadata": {"name": "early"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }
            ]
        },
        "validations": [
            {
                "expression": "false",
                "reason": "Forbidden",
                "message": 'error looking up service account fresh/default: "default" not found',
            }
        ],
    },
}


def _here() -> object:
    here: Lab = kwlab.open_lab(context="")
    return here.compare(wrong=functions.wrong(here))
