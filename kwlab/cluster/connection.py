"""The way to a real cluster, and one clear sentence for each way in which it may fail.

Only a context that was named is used, never the one that a kubeconfig happens to point at.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kwlab.cluster import certificates
from kwlab.errors import ClusterError
from kwlab.messages import say
from kwlab.wire import Status

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.client.exceptions import ApiException

IN_CLUSTER: Final = "in-cluster"
"""The name that stands for the service account of the pod that kwlab runs in."""
DEFAULT_KUBECONFIG: Final = "~/.kube/config"
CONNECT_SECONDS: Final = 5.0
"""Whoever does not answer for so long is not reached."""
ANSWER_SECONDS: Final = 10.0
"""So long one that was reached may take for an answer."""
PARALLEL: Final = 8
"""So many requests may be under way at once: a cluster far away is not waited for one by one."""
REMOVAL_SECONDS: Final = 30.0
"""So long it may take to remove all objects of a kind: it removes them one by one."""

_ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Connection:
    """Hold a cluster that was reached.

    Parameters
    ----------
    context : str
        As it was named.
    client : kubernetes.client.ApiClient
        The official client; it does not retry by itself.
    namespace : str
        The one that the context or the service account names; empty when it names none.
    version : str
        The server's, as in ``1.37``.
    """

    context: str
    client: ApiClient
    namespace: str
    version: str

    @property
    def configuration(self) -> Configuration:
        """Give the client's configuration: address, certificates, credentials."""
        configuration: Configuration = self.client.configuration
        return configuration

    @property
    def url(self) -> str:
        """Give the server's address."""
        return str(self.configuration.host)

    @contextlib.contextmanager
    def clear_errors(self) -> Iterator[None]:
        """Turn what the client raises in a block into one sentence.

        Yields
        ------
        None

        Raises
        ------
        ClusterError
            For a refusal of the server, and when it cannot be reached.
        """
        with _clear_errors(self.context, self.url):
            yield

    def get(
        self,
        target: str,
        timeout: float | tuple[float, float | None],
        accept: str = "application/json",
    ) -> Any:
        """Ask for what the official client has no method for.

        Parameters
        ----------
        target : str
            A path with its query.
        timeout : float or tuple
            As the official client takes it, in seconds.
        accept : str
            The form of the answer.

        Returns
        -------
        kubernetes.client.rest.RESTResponse
            Open.

        Raises
        ------
        kubernetes.client.exceptions.ApiException
            For a status of 300 or more.
        """
        from kubernetes.client.exceptions import ApiException

        asked = self.client.param_serialize(
            "GET", target, header_params={"Accept": accept}, auth_settings=["BearerToken"]
        )
        answer = self.client.call_api(*asked, _request_timeout=timeout)
        if answer.status >= 300:
            body = answer.read()
            raise ApiException.from_response(http_resp=answer, body=body.decode(), data=None)
        return answer

    def close(self) -> None:
        """Close the client's connections."""
        self.client.rest_client.close()


def connect(context: str) -> Connection:
    """Reach the cluster of a context.

    Parameters
    ----------
    context : str
        Its name in the kubeconfig (``$KUBECONFIG``, or ``~/.kube/config``), or ``in-cluster``.

    Returns
    -------
    Connection
        The server has answered once.

    Raises
    ------
    ClusterError
        For no kubeconfig, an unknown context, a server that is not reached, a certificate that
        is not trusted or cannot be read, and credentials that are not accepted; it says what to do.
    """
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    # A 429 with Retry-After would sleep inside a call, for real.
    configuration.retries = False
    # One more than the client keeps would be connected anew each time; the driver watches too.
    configuration.connection_pool_maxsize = PARALLEL + 1
    if context == IN_CLUSTER:
        namespace = _load_account(configuration)
    else:
        namespace = _load_context(context, configuration)
    with _clear_errors(context, configuration.host):
        try:
            client = ApiClient(configuration)
        except ImportError as error:
            # A SOCKS proxy takes a package that the client does not bring.
            facts = {"context": context, "url": configuration.host}
            raise ClusterError(say("cluster.proxy", **facts)) from error
        certificates.hold(client, context)
        return Connection(context, client, namespace, _version(client))


def kubeconfig_path() -> str:
    """Give the path of the kubeconfig that counts now: several, where ``$KUBECONFIG`` has several.

    Returns
    -------
    str
    """
    # The client reads the variable once, when it is imported.
    return os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG


def _load_context(context: str, configuration: Configuration) -> str:
    from kubernetes.config import ConfigException, load_kube_config
    from kubernetes.config.kube_config import KubeConfigMerger
    from yaml import YAMLError

    path = kubeconfig_path()
    try:
        merged = KubeConfigMerger(path).config
        if merged is None:
            raise ClusterError(say("cluster.no_kubeconfig", path=path))
        known = {entry["name"]: entry["context"] for entry in merged.value["contexts"]}
        if context not in known:
            names = ", ".join(known) or say("cluster.no_contexts")
            raise ClusterError(say("cluster.no_context", context=context, path=path, known=names))
        load_kube_config(path, context, configuration, persist_config=False)
    except (
        *(ConfigException, YAMLError, OSError, ValueError),
        *(LookupError, TypeError, AttributeError),
    ) as error:
        # The client prints whole entries, and a user's holds credentials.
        reason = _ENTRY.sub("...", " ".join(str(error).split()))
        raise ClusterError(say("cluster.bad_kubeconfig", path=path, reason=reason)) from None
    return str(known[context].safe_get("namespace") or "")


_ENTRY: Final = re.compile(r"\{.*\}")


def _load_account(configuration: Configuration) -> str:
    from kubernetes.config import ConfigException
    from kubernetes.config.incluster_config import InClusterConfigLoader

    token, authority = _ACCOUNT_FOLDER / "token", _ACCOUNT_FOLDER / "ca.crt"
    try:
        InClusterConfigLoader(str(token), str(authority)).load_and_set(configuration)
        return (_ACCOUNT_FOLDER / "namespace").read_text(encoding="utf-8").strip()
    except (ConfigException, OSError) as error:
        raise ClusterError(say("cluster.no_account", reason=error)) from error


def _version(client: ApiClient) -> str:
    """Ask for the server's version, as whom the credentials say: a wrong token is refused here."""
    from kubernetes.client import VersionApi

    code = VersionApi(client).get_code(_request_timeout=CONNECT_SECONDS)
    # Providers write 29+ for a minor version.
    return f"{code.major}.{code.minor}".rstrip("+")


@contextlib.contextmanager
def _clear_errors(context: str, url: str) -> Iterator[None]:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise ClusterError(_refusal(error, context, url)) from error
    except (HTTPError, OSError) as error:
        raise ClusterError(
            say("cluster.unreachable", context=context, url=url, reason=_reason(error))
        ) from error


def _refusal(error: ApiException, context: str, url: str) -> str:
    facts: dict[str, Any] = {"context": context, "url": url}
    if not error.status:
        # The client's own word for a TLS failure is an ApiException with status 0.
        return say("cluster.certificate", reason=_reason(error), **facts)
    if error.status == 401:
        return say("cluster.unauthorized", **facts)
    body: str | bytes = error.body or b""
    parsed = Status.parse(body.encode() if isinstance(body, str) else body)
    status = parsed or Status(error.status, message=str(error.reason))
    if "NamespaceTerminating" in status.causes:
        return say("cluster.terminating", **facts)
    if error.status == 403:
        return _forbidden(status, facts)
    return say("cluster.refused", code=error.status, reason=status.message, **facts)


def _forbidden(status: Status, facts: dict[str, Any]) -> str:
    """Tell a missing permission from a quota and from a stranger; a server says 403 to all."""
    denied = _DENIED.search(status.message)
    if denied is None:
        key = "cluster.quota" if "exceeded quota" in status.message else "cluster.refused"
        return say(key, code=403, reason=status.message, **facts)
    if denied["user"] == "system:anonymous":
        return say("cluster.unauthorized", **facts)
    where = denied["namespace"]
    place = say("cluster.in_namespace", namespace=where) if where else say("cluster.everywhere")
    return say(
        "cluster.forbidden",
        user=denied["user"],
        verb=denied["verb"],
        resource=denied["resource"],
        place=place,
        **facts,
    )


# k8s.io/apiserver 0.37, pkg/endpoints/handlers/responsewriters/errors.go: forbiddenMessage
_DENIED: Final = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) (?:resource|path) "(?P<resource>[^"]*)"'
    r'(?:.* in the namespace "(?P<namespace>[^"]*)")?'
)


def _reason(error: BaseException) -> str:
    """Give what is behind an error of the transport, on one line and without Python's objects."""
    cause: Any = getattr(error, "reason", None) or error
    text = " ".join(str(cause).split())
    return _OBJECT.sub("", text)


_OBJECT: Final = re.compile(r"^(?:\w*Error\s)?(?:\w*Connection(?:Pool)?\([^)]*\): )?")
