"""kubernetes_asyncio's ``Watch``.

https://kubernetes-asyncio.readthedocs.io/, and ``examples/watch_namespaces.py`` of its repository
"""

from __future__ import annotations

import asyncio

import report
from kubernetes_asyncio import client, config, watch


async def main() -> None:
    """List, and let one ``Watch`` resume by itself."""
    await config.load_kube_config()
    async with client.ApiClient() as api_client:
        api = client.CoreV1Api(api_client)
        listed = await api.list_namespaced_pod(report.NAMESPACE)
        for pod in listed.items:
            report.model("LISTED", pod)
        async with watch.Watch().stream(
            api.list_namespaced_pod,
            report.NAMESPACE,
            resource_version=listed.metadata.resource_version,
        ) as stream:
            async for event in stream:
                if isinstance(event, dict):
                    report.model(event["type"], event["object"])
                else:
                    report.say(no_event=True)


report.run(lambda: asyncio.run(main()))
