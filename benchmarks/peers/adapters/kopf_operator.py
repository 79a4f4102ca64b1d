"""An operator with kopf, which sees every event.

https://docs.kopf.dev/en/stable/events/ and https://docs.kopf.dev/en/stable/embedding/
"""

from __future__ import annotations

from typing import Any

import kopf
import report


@kopf.on.login()
def login(**kwargs: Any) -> Any:
    """Go by the kubeconfig: https://docs.kopf.dev/en/stable/authentication/."""
    return kopf.login_with_kubeconfig(**kwargs)


@kopf.on.event("pods")
def pod(type: str | None, body: kopf.Body, **_: Any) -> None:
    """Report each event; of listed objects kopf says no type."""
    report.event(type or "LISTED", dict(body["metadata"]))


report.run(lambda: kopf.run(standalone=True, namespaces=[report.NAMESPACE]))
