"""kr8s; as ``loop``, begun again from the last resourceVersion, because iteration ends by itself.

https://docs.kr8s.org/en/stable/client.html and https://docs.kr8s.org/en/stable/autoapi/ (``watch``,
``since``).
"""

from __future__ import annotations

import sys

import kr8s
import report


def once() -> None:
    """Watch pods until it ends."""
    for kind, pod in kr8s.watch("pods", namespace=report.NAMESPACE):
        report.event(kind, pod.raw["metadata"])


def loop() -> None:
    """Watch pods again and again, each time from the last resourceVersion."""
    since = None
    while True:
        for kind, pod in kr8s.watch("pods", namespace=report.NAMESPACE, since=since):
            report.event(kind, pod.raw["metadata"])
            since = pod.raw["metadata"]["resourceVersion"]


report.run(loop if "loop" in sys.argv else once)
