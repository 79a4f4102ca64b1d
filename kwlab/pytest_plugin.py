"""Fixtures for tests of watch functions; pytest loads them where kwlab is installed.

``kwlab_lab``
    A fresh :class:`~kwlab.lab.Lab` with the story: ``kwlab_lab.run(function)``.
``kwlab_server``
    The same story behind a socket on loopback, ten times as fast as it was:
    a :class:`~kwlab.server.serve.Served`, with ``url``, ``kubeconfig`` and ``requests``.
    ``kwlab.judge_clients(kwlab_server)`` judges whoever watched it, in any language.

A test file for the official client, for urllib3, for the standard library, and for a controller
that is a program of its own, complete::

    import http.client
    import json
    import os
    import subprocess
    import sys
    from urllib.parse import urlsplit

    import kwlab
    from kubernetes.client import CoreV1Api
    from kwlab.wire import query


    def watch_pods(core, namespace, options):  # your own code, with the official client
        options = options.replace(timeout_seconds=60)
        return core.list_namespaced_pod(namespace, watch=True, _preload_content=False, **options)


    def test_a_cut_watch_resumes():
        assert kwlab.check_watch_function(
            lambda lab, options: watch_pods(CoreV1Api(lab.api.api_client), lab.namespace, options)
        )


    def get_secrets(pool, url, options):  # your own code, with urllib3
        asked = query(options.replace(timeout_seconds=60), watch=True)
        return pool.request("GET", f"{url}/api/v1/secrets?{asked}", preload_content=False)


    def test_urllib3_resumes_too():
        assert kwlab.check_watch_function(
            lambda lab, options: get_secrets(lab.http, lab.url, options)
        )


    def test_nothing_is_lost_on_the_story(kwlab_lab):
        seen = kwlab_lab.run(
            lambda options: watch_pods(kwlab_lab.api, kwlab_lab.namespace, options)
        )
        assert seen.runs[0].count.lost == ()


    def test_a_client_of_its_own_asks_from_the_list(kwlab_server):  # any client, any language
        connection = http.client.HTTPConnection(urlsplit(kwlab_server.url).netloc, timeout=10)
        connection.request("GET", "/api/v1/pods")
        listed = json.load(connection.getresponse())["metadata"]["resourceVersion"]
        connection.request("GET", f"/api/v1/pods?watch=1&resourceVersion={listed}")
        first = json.loads(connection.getresponse().readline())
        connection.close()
        assert first["type"] == "MODIFIED"
        asked = [request.parameter("resourceVersion") for request in kwlab_server.requests]
        assert asked == [None, listed]


    CONTROLLER = '''
    import kwlab
    from kubernetes import client, config

    config.load_kube_config()  # what KUBECONFIG names, as clients in every language do
    core = client.CoreV1Api()
    version = core.list_pod_for_all_namespaces().metadata.resource_version

    def watch_pods(options):
        return core.list_pod_for_all_namespaces(watch=True, _preload_content=False, **options)

    with kwlab.RetryWatcher(version, watch_pods) as watcher:
        for event in watcher:
            pass
    '''


    def test_a_controller_resumes(kwlab_server):  # any program: ["./my-controller"]
        environment = {**os.environ, "KUBECONFIG": str(kwlab_server.kubeconfig)}
        with subprocess.Popen([sys.executable, "-c", CONTROLLER], env=environment) as controller:
            kwlab_server.wait_for_clients(timeout_seconds=60)
            controller.terminate()
        verdicts = kwlab.judge_clients(kwlab_server)
        assert verdicts, str(verdicts)

To do without: ``pytest -p no:kwlab``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

# Everything else of kwlab is imported by the fixtures: pytest loads this file at every start.
if TYPE_CHECKING:
    from kwlab.lab import Lab
    from kwlab.server.serve import Served

SPEED: Final = 10.0
"""Seconds of the story in one of a test: it is over in five."""


@pytest.fixture
def kwlab_lab() -> Lab:
    """Lend a lab with the story, as ``kwlab.open_lab()`` gives it."""
    from kwlab.lab import open_lab

    # Never a cluster, whatever KWLAB_CONTEXT names: these are tests.
    return open_lab(context="")


@pytest.fixture
def kwlab_server() -> Iterator[Served]:
    """Lend a server on loopback that plays the story, cuts and outage included."""
    from kwlab import history, lab
    from kwlab.server.serve import Served

    played = lab.load(lab.STORY)
    past = history.from_recording(played)
    with Served(past, played.header.scenario, speed=SPEED) as served:
        yield served
