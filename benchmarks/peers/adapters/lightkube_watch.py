"""lightkube; as ``retry``, with the error handler that it offers for going on.

https://lightkube.readthedocs.io/en/latest/ ("Watch deployments"), ``lightkube.types``.
"""

from __future__ import annotations

import sys

import report
from lightkube import Client
from lightkube.resources.core_v1 import Pod
from lightkube.types import on_error_raise, on_error_retry


def main() -> None:
    """Watch pods."""
    on_error = on_error_retry if "retry" in sys.argv else on_error_raise
    for kind, pod in Client().watch(Pod, namespace=report.NAMESPACE, on_error=on_error):
        metadata = pod.metadata
        report.event(
            kind,
            {
                "namespace": metadata.namespace,
                "name": metadata.name,
                "uid": metadata.uid,
                "resourceVersion": metadata.resourceVersion,
            },
        )


report.run(main)
