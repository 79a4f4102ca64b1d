"""A kubeconfig as kind writes it: authority, certificate and key inline, and no token."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from kwlab.cluster.connection import connect
from kwlab.commands import main
from kwlab.errors import ClusterError
from tests.live import LiveCluster, live_cluster

pytestmark = pytest.mark.needs("rig")

KIND: Final = "kind-kwlab"
LATE_SECONDS: Final = 60.0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def cluster(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveCluster]:
    path = tmp_path_factory.mktemp("authority") / "ca.crt"
    authority.cert_pem.write_to_path(path)
    with live_cluster(f"--client-ca-file={path}") as running:
        yield running


@pytest.fixture(scope="module")
def administrator(authority: trustme.CA) -> trustme.LeafCert:
    """Issue what kubeadm issues for kind: a member of system:masters."""
    # Go refuses a certificate for no name at all.
    return authority.issue_cert(
        "admin.test", common_name="kubernetes-admin", organization_name="system:masters"
    )


@pytest.fixture
def written(
    cluster: LiveCluster,
    administrator: trustme.LeafCert,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    """Write the kubeconfig, with something else in it."""

    def write(**others: bytes) -> None:
        certificate = administrator.cert_chain_pems[0].bytes()
        known = {
            "certificate-authority": Path(cluster.server.authority).read_bytes(),
            "client-certificate": certificate,
            "client-key": administrator.private_key_pem.bytes(),
        }
        known |= {name.replace("_", "-"): data for name, data in others.items()}
        inline = {f"{name}-data": _inline(data) for name, data in known.items()}
        trusted = {"certificate-authority-data": inline.pop("certificate-authority-data")}
        config: dict[str, Any] = {
            "clusters": [{"name": KIND, "cluster": {"server": cluster.server.url, **trusted}}],
            "users": [{"name": KIND, "user": inline}],
            "contexts": [{"name": KIND, "context": {"cluster": KIND, "user": KIND}}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(path))

    return write


def _inline(data: bytes) -> str:
    return base64.b64encode(data).decode()


PLAYS: Final = """
import os, signal, sys, kwlab
lab = kwlab.open_lab(context="kind-kwlab", namespace=sys.argv[1])
def correct(options):
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, **options
    )
def interrupting(options):
    os.kill(os.getpid(), signal.SIGINT)
    return correct(options)
lab.compare(correct=correct)
lab.ask(at=1.0)
"""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", 0),
        ("1 / 0", 1),
        ("lab.run(interrupting)", -signal.SIGINT),
        ("import kubernetes.config as c; c.new_client_from_config(context='kind-kwlab')", 0),
    ],
    ids=["end", "exception", "Ctrl-C", "a client of the learner's"],
)
def test_everything_is_removed_at_the_end(
    code: str, status: int, cluster: LiveCluster, written: Callable[..., None]
) -> None:
    """The client deletes what it made of inline data; the cluster is reached all the same."""
    written()
    name = f"kind-{abs(status)}-{len(code)}"
    ran = subprocess.run(
        [sys.executable, "-c", PLAYS + code, name],
        capture_output=True,
        text=True,
        timeout=LATE_SECONDS,
        check=False,
    )
    assert status == ran.returncode, ran.stderr
    assert "could not be removed" not in ran.stderr
    assert not cluster.is_there(name)


def test_a_recorder_and_clean_go_in_with_a_certificate(
    written: Callable[..., None], tmp_path: Path
) -> None:
    """Whatever reaches a cluster takes the same way there."""
    written()
    assert 0 == main(["clean", "--context", KIND])
    output = tmp_path / "a.jsonl"
    record = ["record", "--context", KIND, "--resource", "pods", "--namespace", "default"]
    assert 0 == main([*record, "--from-nothing", "--seconds", "0.1", "--output", str(output)])
    assert output.exists()


def test_no_certificate_is_read_from_a_file_later(written: Callable[..., None]) -> None:
    """Temporary files may go at any time; a new connection is made without them."""
    written()
    reached = connect(KIND)
    for path in (
        reached.configuration.ssl_ca_cert,
        reached.configuration.cert_file,
        reached.configuration.key_file,
    ):
        Path(path).write_bytes(b"")
    reached.close()
    with reached.clear_errors():
        answer = reached.client.call_api("GET", f"{reached.url}/version")
    assert 200 == answer.status


@pytest.mark.parametrize("part", ["certificate_authority", "client_certificate", "client_key"])
def test_a_certificate_that_is_none(part: str, written: Callable[..., None]) -> None:
    """What cannot be read is told as such, and not as a server that is down."""
    written(**{part: b"nothing"})
    with pytest.raises(ClusterError, match="certificates of context kind-kwlab cannot be read"):
        connect(KIND)


def test_a_key_under_a_password(
    written: Callable[..., None], administrator: trustme.LeafCert
) -> None:
    """Nobody is asked for a password on a terminal that may be a notebook's."""
    key = load_pem_private_key(administrator.private_key_pem.bytes(), None)
    kept = BestAvailableEncryption(b"secret")
    under = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)
    written(client_key=under)
    with pytest.raises(ClusterError, match="certificates of context kind-kwlab cannot be read"):
        connect(KIND)
