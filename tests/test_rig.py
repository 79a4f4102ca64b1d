"""The rig is a real server: it is killed, restarted and compacted, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.build_rig import SOURCES, find_go
from tests.realserver import ANSWER_SECONDS, ClientGo, RealServer, watching_client

pytestmark = pytest.mark.needs("rig")


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    """Lend a server that is killed and restarted, as the shared one is not."""
    with RealServer() as started:
        yield started


def maps(namespace: str, **query: object) -> str:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/api/v1/namespaces/{namespace}/configmaps?{text}"


def make(server: RealServer, namespace: str, name: str) -> str:
    made = server.core.create_namespaced_config_map(namespace, {"metadata": {"name": name}})
    return str(made.metadata.resource_version)


def wait_until(holds: Callable[[], object], what: str) -> None:
    late = time.monotonic() + ANSWER_SECONDS
    while not holds():
        assert time.monotonic() < late, what
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Whoever adopted it may not have buried it yet.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_a_ready_rig_answers_in_its_version(server: RealServer) -> None:
    """What go.mod names is what /version says, and what was asked for is there."""
    assert f"k8s.io/kubernetes {server.version}\n" in (SOURCES / "go.mod").read_text()
    assert server.version == json.loads(server.ask("/version").body)["gitVersion"]
    assert ["admin", "viewer"] == sorted(server.tokens)


def test_the_restricted_user_may_read_one_namespace(server: RealServer) -> None:
    """The viewer reads pods and configmaps in one namespace, and is refused elsewhere."""
    token = server.tokens["viewer"]
    path = f"/api/v1/namespaces/{server.namespace}"
    assert 200 == server.ask(f"{path}/pods", token=token).status
    assert 200 == server.ask(f"{path}/configmaps?watch=1&timeoutSeconds=1", token=token).status
    refused = server.ask(f"{path}/secrets?watch=1", token=token)
    assert (403, "application/json") == (refused.status, refused.headers["Content-Type"])
    assert {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'secrets is forbidden: User "viewer" cannot watch resource "secrets" in API '
        f'group "" in the namespace "{server.namespace}"',
        "reason": "Forbidden",
        "details": {"kind": "secrets"},
        "code": 403,
    } == json.loads(refused.body)
    assert 403 == server.ask("/api/v1/pods", token=token).status
    assert 401 == server.ask("/api/v1/pods", token="nobody").status


def test_a_lent_token_expires(server: RealServer) -> None:
    """A token of two seconds is good, and then it is not."""
    token = server.do("token", seconds=2)["token"]
    path = f"/api/v1/namespaces/{server.namespace}/pods"
    assert 200 == server.ask(path, token=token).status
    wait_until(lambda: server.ask(path, token=token).status == 401, "401 for an expired token")


def test_kill_cuts_a_watch(server: RealServer) -> None:
    """SIGKILL ends a watch without the final chunk; after a restart its place in it is expired."""
    space = server.new_namespace()
    version = make(server, space, "before")
    with server.asking(maps(space, watch=1, resourceVersion=version)) as answer:
        make(server, space, "after")
        answer.wait_for_lines(1)
        server.do("kill")
        answer.wait_for_end()
    assert not answer.is_whole
    with pytest.raises(ConnectionRefusedError):
        server.ask("/readyz")
    server.do("start")
    (expired,) = server.ask(maps(space, watch=1, resourceVersion=version)).lines
    assert 410 == expired.value["object"]["code"]
    names = [item["metadata"]["name"] for item in json.loads(server.ask(maps(space)).body)["items"]]
    assert ["after", "before"] == names


def test_terminate_lets_watches_end(server: RealServer) -> None:
    """SIGTERM refuses new connections, while an open watch goes on to its own end."""
    space = server.new_namespace()
    with server.asking(maps(space, watch=1, timeoutSeconds=3)) as answer:
        server.do("terminate")
        with pytest.raises(ConnectionRefusedError):
            server.ask("/readyz")
        answer.wait_for_end()
    assert answer.is_whole and answer.ended is not None
    assert answer.ended - answer.asked >= 2.9
    server.do("start")


def test_a_start_takes_flags(server: RealServer) -> None:
    """A restarted server may be given other flags, and a wrong one is named."""
    server.do("kill")
    with pytest.raises(AssertionError, match="unknown flag: --no-such-flag"):
        server.do("start", flags=["--no-such-flag"])
    server.do("start", flags=["--min-request-timeout=60"])
    with pytest.raises(AssertionError, match="kube-apiserver is running"):
        server.do("start")


def test_compaction_makes_an_exact_list_impossible(server: RealServer) -> None:
    """After a compaction and a restart, the state at an old resourceVersion is out of reach."""
    space = server.new_namespace()
    version = make(server, space, "one")
    exact = maps(space, resourceVersion=version, resourceVersionMatch="Exact")
    make(server, space, "two")
    assert 200 == server.ask(exact).status
    assert int(version) < server.do("compact")["revision"]
    # A restart empties the cache, which would answer for some seconds more.
    server.do("kill")
    server.do("start")
    assert 410 == server.ask(exact).status


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    """When Python is killed, etcd and the API server end and their folder goes."""
    program = (
        "from tests.realserver import RealServer\n"
        "server = RealServer().__enter__()\n"
        "import json\n"
        "print(json.dumps([server.folder, *server.pids.values()]), flush=True)\n"
        "server.process.wait()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder, *pids = json.loads(parent.stdout.readline())
        assert Path(folder).is_dir() and all(map(alive, pids))
        parent.kill()
    wait_until(lambda: not any(map(alive, pids)), "the end of every process")
    wait_until(lambda: not Path(folder).exists(), "the end of the folder")


def test_the_api_server_does_not_outlive_a_killed_rig() -> None:
    """Even when the rig itself is killed, the API server ends and cleans up."""
    server = RealServer().__enter__()
    server.process.kill()
    with pytest.raises(AssertionError):
        server.__exit__()
    pid = server.pids["kube-apiserver"]
    wait_until(lambda: not alive(pid), "the end of kube-apiserver")
    wait_until(lambda: not Path(server.folder).exists(), "the end of the folder")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_rig(number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the rig cleanly."""
    with RealServer() as server:
        server.process.send_signal(number)
        assert 0 == server.process.wait(ANSWER_SECONDS)
    assert not Path(server.folder).exists()


def client_go(server: RealServer, kind: str, namespace: str, *arguments: str) -> list[str]:
    where = ["--kubeconfig", server.kubeconfig, "--resource", "configmaps"]
    return [kind, *where, "--namespace", namespace, *arguments]


def types(running: ClientGo) -> list[str]:
    return [event["type"] for event in running.of("event")]


def run_retrywatcher(server: RealServer, function: str) -> tuple[list[str | None], list[str]]:
    """Watch through two clean timeouts, and give what was asked and what was delivered."""
    space = server.new_namespace()
    make(server, space, "one")
    how = ("--function", function, "--timeout-seconds", "2")
    with watching_client(*client_go(server, "retrywatcher", space, *how)) as running:
        running.wait_for(lambda ran: len(ran.of("response")) >= 2, "the first watch")
        make(server, space, "two")
        running.wait_for(lambda ran: len(ran.of("response")) >= 4, "the third watch")
        server.core.delete_namespaced_config_map("one", space)
        running.wait_for(
            lambda ran: ran.of("event")[-1:] and ran.of("event")[-1]["type"] == "DELETED",
            "the deletion",
        )
    assert "signal" == running.of("end")[0]["reason"]
    events = running.of("event")
    known = {running.of("list")[0]["resourceVersion"]: "list"}
    known |= {event["resourceVersion"]: event["name"] for event in events}
    asked = [query.get("resourceVersion") for query in running.queries[1:]]
    return [version and known[version] for version in asked], [
        f"{event['type']} {event['name']}" for event in events
    ]


def test_client_gos_correct_function_resumes(server: RealServer) -> None:
    """A function that passes its options on asks for what it was handed, and is told all once."""
    asked, delivered = run_retrywatcher(server, "correct")
    assert ["list", "two", "two"] == asked
    assert ["ADDED two", "DELETED one"] == delivered


def test_client_gos_wrong_function_replays(server: RealServer) -> None:
    """A function that throws its options away is told everything each time."""
    asked, delivered = run_retrywatcher(server, "wrong")
    assert [None, None, None] == asked
    replayed = ["ADDED one", "ADDED two"]
    assert ["ADDED one", "ADDED two", *replayed, *replayed, "DELETED one"] == delivered


def test_client_gos_informer_begins_with_a_watch_list(server: RealServer) -> None:
    """The informer asks for the present by a watch, and is told of a deletion after it."""
    space = server.new_namespace()
    make(server, space, "one")
    with watching_client(*client_go(server, "informer", space)) as running:
        running.wait_for(lambda ran: ran.of("synced"), "the informer to know the present")
        server.core.delete_namespaced_config_map("one", space)
        running.wait_for(lambda ran: len(ran.of("event")) >= 2, "the deletion")
    assert "true" == running.queries[0]["sendInitialEvents"]
    first, second = running.of("event")
    assert ("ADDED", "one", True) == (first["type"], first["name"], first["isInitial"])
    assert ("DELETED", "one") == (second["type"], second["name"])


def test_the_client_ends_where_client_go_gives_up(server: RealServer) -> None:
    """An expired resourceVersion is delivered as an error, and RetryWatcher ends."""
    how = ("--resource-version", "1", "--for", "20")
    with watching_client(*client_go(server, "retrywatcher", server.namespace, *how)) as running:
        running.wait_for(lambda ran: ran.of("end"), "the end")
    assert (410, "Expired") == (running.of("event")[0]["code"], running.of("event")[0]["reason"])
    assert "gave up" == running.of("end")[0]["reason"]


def test_the_go_code_is_formatted_and_vetted() -> None:
    """gofmt and go vet find nothing in the rig."""
    go = find_go()
    with_gofmt = str(Path(go).resolve().with_name("gofmt"))
    unformatted = subprocess.run(
        [with_gofmt, "-l", SOURCES], capture_output=True, text=True, check=True
    )
    assert "" == unformatted.stdout
    # As it was built: other flags would compile the whole of Kubernetes once more.
    subprocess.run([go, "vet", "-trimpath", "./..."], cwd=SOURCES, check=True)
