"""The certificates of a context, read once and kept in memory as long as its client lives.

A kubeconfig that has them inline, as kind writes it, is turned into temporary files by the official
client, and deleted by it at the end of the program (``config/kube_config.py``, 37.0), before what
kwlab made is removed over a new connection. A cleaner of ``/tmp`` may be quicker still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kwlab.errors import ClusterError
from kwlab.messages import say

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

_READ_HERE: Final = ("ca_certs", "ca_cert_data", "cert_file", "key_file")
_NO_PASSWORD: Final = ""
"""Without one OpenSSL would ask for it on the terminal."""


def hold(client: ApiClient, context: str) -> None:
    """Have a client read no certificate from a file any more.

    Parameters
    ----------
    client : kubernetes.client.ApiClient
        Before its first request. It is changed.
    context : str
        Whose certificates they are, for what is said.

    Raises
    ------
    ClusterError
        When they cannot be read.
    """
    from urllib3.util.ssl_ import create_urllib3_context

    known: dict[str, Any] = client.rest_client.pool_manager.connection_pool_kw
    named = {key: known.pop(key, None) for key in _READ_HERE}
    trusted = create_urllib3_context(cert_reqs=known["cert_reqs"])
    try:
        if named["ca_certs"] or named["ca_cert_data"]:
            trusted.load_verify_locations(named["ca_certs"], cadata=named["ca_cert_data"])
        else:
            trusted.load_default_certs()
        if named["cert_file"]:
            trusted.load_cert_chain(named["cert_file"], named["key_file"], _NO_PASSWORD)
    except OSError as error:
        reason = " ".join(str(error).split())
        raise ClusterError(
            say("cluster.bad_certificates", context=context, reason=reason)
        ) from error
    known["ssl_context"] = trusted
