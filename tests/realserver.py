"""Start the real API server of ``tests/rig`` and ask it, byte by byte and with times."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from kubernetes import client, config

from tests.build_rig import built

ANSWER_SECONDS: Final = 30.0
"""A test that waits longer for the real server fails."""


@dataclass(frozen=True)
class Line:
    """Hold one line of an answer, without its end, and when it had come."""

    at: float
    data: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.data)


class Answer:
    """Read an answer in a thread of its own; times are seconds on the monotonic clock."""

    def __init__(self, connection: http.client.HTTPConnection, asked: float) -> None:
        self.asked = asked
        self._connection = connection
        self._socket = connection.sock
        self._response = connection.getresponse()
        self.began = time.monotonic()
        # A watch may be silent for longer; whoever waits for something says how long.
        self._socket.settimeout(None)
        self.ended: float | None = None
        self.is_whole = False
        self.lines: list[Line] = []
        self.rest = b""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="answer")
        self._thread.start()

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self._response.getheaders())

    @property
    def body(self) -> bytes:
        return b"".join(line.data + b"\n" for line in self.lines) + self.rest

    def wait_for(self, condition: Callable[[Answer], object], what: str) -> Self:
        """Wait until a condition holds of what has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), ANSWER_SECONDS), what
        return self

    def wait_for_end(self) -> Self:
        return self.wait_for(lambda answer: answer.ended is not None, "the end of the answer")

    def wait_for_lines(self, number: int) -> Self:
        return self.wait_for(lambda answer: len(answer.lines) >= number, f"{number} lines")

    def close(self) -> None:
        """Hang up, and wait for the reader."""
        with self._changed:
            if self.ended is None:
                self._socket.shutdown(2)
        self._thread.join()
        self._response.close()
        self._connection.close()

    def _read(self) -> None:
        try:
            # Not by lines: http.client then takes a cut for an end.
            while data := self._response.read1(2**16):
                self._take(data)
            is_whole = True
        except (http.client.HTTPException, OSError):
            is_whole = False
        with self._changed:
            self.is_whole, self.ended = is_whole, time.monotonic()
            self._changed.notify_all()

    def _take(self, data: bytes) -> None:
        *lines, rest = (self.rest + data).split(b"\n")
        now = time.monotonic()
        with self._changed:
            self.lines += [Line(now, line) for line in lines]
            self.rest = rest
            self._changed.notify_all()


@dataclass(eq=False)
class RealServer:
    """Run etcd and kube-apiserver, with an administrator and a restricted user.

    Parameters
    ----------
    flags : sequence of str
        More flags for kube-apiserver.

    Attributes
    ----------
    url, kubeconfig, authority, namespace, version, folder : str
        ``namespace`` is where the restricted user may read pods and configmaps.
    tokens : dict of str to str
        Of the users ``admin`` and ``viewer``; both are contexts of the kubeconfig.
    pids : dict of str to int
        Of ``cluster`` and ``kube-apiserver``, as it was started first.
    """

    flags: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [built("cluster"), "--", *self.flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            text=True,
        )
        ready = self._answer()
        for name, value in ready.items():
            setattr(self, name, value)
        self._namespaces = itertools.count(1)
        self._clients: dict[str, client.ApiClient] = {}
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._clients.values():
            one.close()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            ended = self.process.wait(ANSWER_SECONDS)
        finally:
            self.process.kill()
            self.process.stdout.close()
        assert 0 == ended

    def do(self, command: str, **facts: Any) -> dict[str, Any]:
        """Give the rig a command: kill, terminate, start, compact, token.

        ``start`` takes ``flags``, ``token`` takes ``seconds``. What the rig could not do is an
        AssertionError with its words.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": command, **facts}) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert "error" not in answer, answer["error"]
        return answer

    def client(self, user: str = "admin") -> client.ApiClient:
        """Give the official client of a user; it is closed with the server."""
        if user not in self._clients:
            self._clients[user] = config.new_client_from_config(self.kubeconfig, context=user)
        return self._clients[user]

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.client())

    def new_namespace(self, stem: str = "t") -> str:
        """Make a namespace that no other test has."""
        name = f"{stem}-{next(self._namespaces)}"
        self.core.create_namespace({"metadata": {"name": name}})
        return name

    @contextmanager
    def asking(
        self,
        target: str,
        *,
        token: str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Answer]:
        """Ask, and lend the answer while it comes; without a token as the administrator."""
        context = ssl.create_default_context(cafile=self.authority)
        address = self.url.removeprefix("https://")
        connection = http.client.HTTPSConnection(address, context=context, timeout=ANSWER_SECONDS)
        token = self.tokens["admin"] if token is None else token
        allowed = {"Authorization": f"Bearer {token}"} if token else {}
        asked = time.monotonic()
        connection.request(method, target, headers={**allowed, **(headers or {})})
        answer = Answer(connection, asked)
        try:
            yield answer
        finally:
            answer.close()

    def ask(self, target: str, **how: Any) -> Answer:
        """Ask, and wait for the end of the answer."""
        with self.asking(target, **how) as answer:
            return answer.wait_for_end()

    def exchange(self, data: bytes) -> bytes:
        """Send bytes as they are, and give all that comes back until the server closes."""
        address = urlsplit(self.url)
        assert address.hostname and address.port
        context = ssl.create_default_context(cafile=self.authority)
        with (
            socket.create_connection((address.hostname, address.port), ANSWER_SECONDS) as opened,
            context.wrap_socket(opened, server_hostname=address.hostname) as spoken,
        ):
            spoken.sendall(data)
            return b"".join(iter(lambda: spoken.recv(65536), b""))

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the rig ended with {self.process.wait(ANSWER_SECONDS)}"
        return json.loads(line)


@contextmanager
def watching_client(kind: str, *arguments: str) -> Iterator[ClientGo]:
    """Run client-go's ``retrywatcher`` or ``informer`` until the block ends."""
    # What client-go logs stands among the requests too, and would bury what a test says.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [built("client"), kind, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
        )
        running = ClientGo(process)
        try:
            yield running
        finally:
            process.terminate()
            ended = process.wait(ANSWER_SECONDS)
            running.join()
            log.seek(0)
            assert ended in (0, -signal.SIGTERM), log.read()


class ClientGo:
    """Collect what the client program of the rig prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = process
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._read, name="client-go")
        self._thread.start()

    def of(self, what: str) -> list[dict[str, Any]]:
        """Give its lines of one kind: request, response, list, event, synced or end."""
        with self._changed:
            return [line for line in self.said if line["what"] == what]

    @property
    def queries(self) -> list[dict[str, str]]:
        """Give the query of each request, in order."""
        return [dict(parse_qsl(line.get("query", ""))) for line in self.of("request")]

    def wait_for(self, condition: Callable[[ClientGo], object], what: str) -> Self:
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), ANSWER_SECONDS), what
        return self

    def join(self) -> None:
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.said.append(json.loads(line))
                self._changed.notify_all()
