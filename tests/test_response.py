"""What a watch function returns or raises, over real HTTP with the official client."""

from __future__ import annotations

import email.utils
import gzip
import io
import json
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from kubernetes import client, watch

from kwlab import errors
from kwlab.watching.response import LEAST_SECONDS, Answer, events
from kwlab.watching.resume import Cause, Happening, Kind
from kwlab.wire import ListOptions, Status, WatchEvent
from tests.scripted_server import ScriptedServer, line

OPTIONS = ListOptions(resource_version="5")
SIX, SEVEN = line({"type": "ADDED", "rv": "6"}), line({"type": "ADDED", "rv": "7"})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
POD_LIST = b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[]}\n'


def api_of(server: ScriptedServer) -> client.CoreV1Api:
    configuration = client.Configuration(host=server.url)
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def happenings(function: Callable[[ListOptions], object]) -> list[Happening]:
    answer = Answer(function, OPTIONS)
    try:
        return list(answer)
    finally:
        answer.close()


def short(found: list[Happening]) -> list[str]:
    """The kind of each cause and the resourceVersion of each event."""
    return [h.resource_version if isinstance(h, WatchEvent) else h.kind.name for h in found]


def played(*connects: dict[str, Any], **arguments: Any) -> list[Happening]:
    """What the official client's open response to a script gives."""
    return run(lambda api: lambda options: pods(api, **options, **arguments), *connects)


def run(
    make: Callable[[client.CoreV1Api], Callable[[ListOptions], object]], *connects: dict[str, Any]
) -> list[Happening]:
    with ScriptedServer(list(connects)) as server:
        api = api_of(server)
        try:
            return happenings(make(api))
        finally:
            api.api_client.close()


def pods(api: client.CoreV1Api, **arguments: Any) -> Any:
    given = {"watch": True, "_preload_content": False, **arguments}
    return api.list_namespaced_pod("lab", **given)


def other_client(resource_version: str) -> None:
    """A call without pydantic in front of it."""


async def awaited(_: ListOptions) -> None:
    """What a program with asyncio would write."""


def goes_on(_: ListOptions) -> Iterator[object]:
    try:
        yield 1
    except GeneratorExit:
        yield 2


def refusal(
    make: Callable[[client.CoreV1Api], Callable[[ListOptions], object]], *connects: dict[str, Any]
) -> str:
    with pytest.raises(errors.WatchFunctionError) as refused:
        run(make, *connects)
    return str(refused.value)


def test_a_clean_end_is_a_cause() -> None:
    """An answer that ends cleanly gives its events and then a clean end."""
    assert ["OPENED", "6", "7", "CLEAN_END"] == short(played({"chunks": [SIX + SEVEN]}))


def test_a_cut_between_chunks_is_a_cut() -> None:
    """An answer without its last chunk was cut."""
    assert ["OPENED", "6", "CUT"] == short(played({"chunks": [SIX], "end": "cut"}))


def test_a_cut_inside_a_chunk_keeps_its_whole_events() -> None:
    """The whole events of a chunk that a cut tore are given, the torn one is not."""
    torn = HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + SIX + SEVEN[:20]

    assert ["OPENED", "6", "CUT"] == short(played({"raw": torn}))


def test_a_body_that_is_shorter_than_announced_is_a_cut() -> None:
    """A body with a Content-Length that is not reached was cut."""
    body = HEAD + b"Content-Length: %d\r\n\r\n" % (len(SIX) + 9) + SIX

    assert ["OPENED", "6", "CUT"] == short(played({"raw": body}))


def test_a_body_without_framing_ends_cleanly() -> None:
    """A body that only the close of the connection ends is read to its end."""
    assert ["OPENED", "6", "CLEAN_END"] == short(played({"raw": HEAD + b"\r\n" + SIX}))


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_compressed_body_is_read(is_chunked: bool) -> None:
    """An answer that a proxy has compressed is read like any other."""
    packed = gzip.compress(SIX + SEVEN)
    head = HEAD + b"Content-Encoding: gzip\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    plain = b"Content-Length: %d\r\n\r\n%s" % (len(packed), packed)

    found = played({"raw": head + (chunked if is_chunked else plain)})

    assert ["OPENED", "6", "7", "CLEAN_END"] == short(found)


def test_a_cut_inside_a_compressed_chunk_is_a_cut() -> None:
    """What a cut left of a compressed chunk is not taken for lines."""
    packed = gzip.compress(SIX, mtime=0x0A0A0A0A)
    head = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"

    assert ["OPENED", "CUT"] == short(played({"raw": head + packed}))


def test_a_body_that_is_not_what_its_encoding_says_is_unreadable() -> None:
    """An answer that is not gzip although it says so is unreadable, not empty."""
    body = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(SIX) + SIX

    assert ["OPENED", "UNREADABLE"] == short(played({"raw": body}))


def test_a_read_timeout_is_silence() -> None:
    """An open answer on which nothing comes for the read timeout fell silent."""
    found = played({"chunks": [SIX], "end": "open"}, _request_timeout=(5, 0.05))

    assert ["OPENED", "6", "SILENT"] == short(found)


def test_no_headers_within_the_read_timeout_is_silence_without_opening() -> None:
    """A server that never answers is silent, and nothing was opened."""
    found = played({"fail": {"kind": "timeout"}}, _request_timeout=(5, 0.05))

    assert ["SILENT"] == short(found)


@pytest.mark.parametrize("kind", ["eof", "unexpected_eof", "conn_reset"])
def test_a_connection_that_breaks_before_the_headers_is_refused(kind: str) -> None:
    """A connection that breaks before any header was no connection."""
    assert ["REFUSED"] == short(played({"fail": {"kind": kind}}))


def test_nobody_listening_is_refused() -> None:
    """A port on which nobody listens gives no connection, with urllib3's retries or without."""
    with ScriptedServer([]) as server:
        plain, retrying = api_of(server), api_of(server)
        retrying.api_client.configuration.retries = urllib3.Retry(1, backoff_factor=0)
        retrying = client.CoreV1Api(client.ApiClient(retrying.api_client.configuration))

    assert ["REFUSED"] == short(happenings(lambda options: pods(plain, **options)))
    assert ["REFUSED"] == short(happenings(lambda options: pods(retrying, **options)))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Kind.STATUS),
        (401, Kind.STATUS_DENIED),
        (403, Kind.STATUS_DENIED),
        (404, Kind.STATUS_NOT_FOUND),
        (410, Kind.STATUS_EXPIRED),
        (429, Kind.STATUS_LATER),
        (500, Kind.STATUS),
        (502, Kind.STATUS_LATER),
        (503, Kind.STATUS_LATER),
        (504, Kind.STATUS_LATER),
    ],
)
def test_an_http_status_is_a_cause_with_its_status(code: int, kind: Kind) -> None:
    """An ApiException gives its code, the Status in its body and its Retry-After."""
    how = {"kind": "http", "code": code, "reason": "R", "message": "m", "headers": {}}
    how["headers"]["Retry-After"] = "3"

    (cause,) = played({"fail": how})

    assert isinstance(cause, Cause)
    assert (kind, code, 3.0) == (cause.kind, cause.code, cause.retry_after_seconds)
    assert Status(code, "R", "m") == cause.status
    assert f"HTTP {code} m" == cause.detail


def test_the_longer_of_two_delays_counts() -> None:
    """A delay in the Status counts when it is longer than that in the header."""
    how = {"kind": "http", "code": 429, "details": {"retryAfterSeconds": 5}}

    (cause,) = played({"fail": {**how, "headers": {"Retry-After": "2"}}})

    assert isinstance(cause, Cause)
    assert 5.0 == cause.retry_after_seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        (" 2 ", 2.0),
        ("-1", 0.0),
        ("soon", 0.0),
        ("²", 0.0),
        ("Sun, 22 Nov 2026 10:00:07 GMT", 7.0),
        ("Sunday, 22-Nov-26 10:00:07 GMT", 7.0),
        ("Sun, 22 Nov 2026 09:59:00 GMT", 0.0),
        ("Sun, 99 Nov 2026 09:59:00 GMT", 0.0),
        ("Sun, 22 Nov 99999999999999999999 09:59:00 GMT", 0.0),
    ],
)
def test_a_429_in_plain_text_keeps_its_delay(header: str, seconds: float) -> None:
    """A 429 of priority and fairness is text and has no Status; its Retry-After counts.

    It is a number of seconds or a date, which counts from the date of the answer.
    """
    body = b"Too many requests, please try again later.\n"
    head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\n"
    head += b"Date: Sun, 22 Nov 2026 10:00:00 GMT\r\nRetry-After: "
    raw = head + header.encode("latin-1") + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    (cause,) = played({"raw": raw})

    assert isinstance(cause, Cause)
    assert (429, seconds, Status(429)) == (cause.code, cause.retry_after_seconds, cause.status)


def test_a_date_without_the_servers_own_counts_from_now() -> None:
    """A Retry-After that is a date is read by our clock where the answer has no Date."""
    until = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)
    error = client.ApiException(status=503)
    error.headers = {"Retry-After": until}

    def refuse(_: ListOptions) -> object:
        raise error

    (cause,) = happenings(refuse)

    assert isinstance(cause, Cause)
    assert 3500 < cause.retry_after_seconds <= 3600


@pytest.mark.parametrize(("code", "kind"), [(500, "STATUS"), (503, "STATUS_LATER")])
def test_urllib3_giving_up_on_a_status_is_a_status(code: int, kind: str) -> None:
    """Where urllib3's own retries end in an error for a status, there was a server."""
    retries = urllib3.Retry(1, status_forcelist=[code], backoff_factor=0)
    pool = urllib3.PoolManager(retries=retries)
    with ScriptedServer([{"fail": {"kind": "http", "code": code}}]) as server:
        found = happenings(lambda _: pool.request("GET", server.url, preload_content=False))
        pool.clear()

    assert [kind] == short(found)


def test_a_refusal_that_the_client_does_not_raise_is_a_status() -> None:
    """A response with an HTTP status that a function returned unraised is no open answer."""
    body = io.BytesIO(b'{"kind":"Status","code":410,"reason":"Expired"}')
    response = urllib3.HTTPResponse(body, status=410, preload_content=False)

    (cause,) = happenings(lambda _: response)

    assert isinstance(cause, Cause)
    assert (Kind.STATUS_EXPIRED, "Expired") == (cause.kind, cause.status and cause.status.reason)
    assert response.closed


def test_an_event_comes_as_soon_as_its_bytes_do() -> None:
    """An event is given while the connection stays open, before anything follows it."""
    frames = Frames([SIX, SEVEN])
    answer = Answer(lambda _: frames.response(), OPTIONS)
    happening = iter(answer)

    assert ["OPENED", "6"] == short([next(happening), next(happening)])
    assert 1 == frames.read_total
    answer.close()
    assert frames.closed


class Frames(io.BufferedIOBase):
    """A body that gives one frame for each read, as the in-process door does."""

    def __init__(self, frames: list[bytes | BaseException]) -> None:
        self._frames = frames
        self.read_total = 0

    def response(self) -> urllib3.HTTPResponse:
        return urllib3.HTTPResponse(self, status=200, preload_content=False)

    def read(self, amt: int | None = -1) -> bytes:
        """Wait until all that was asked for is there, as a file does."""
        found = b""
        while (amt is None or amt < 0 or len(found) < amt) and (frame := self.read1()):
            found += frame
        return found

    def read1(self, _amt: int = -1) -> bytes:
        if self.read_total == len(self._frames):
            return b""
        frame = self._frames[self.read_total]
        self.read_total += 1
        if isinstance(frame, BaseException):
            raise frame
        return frame


def test_the_end_of_a_recording_passes_through() -> None:
    """RecordingOver passes through untouched, from a read and from the call, and closes."""
    over = errors.RecordingOver("over")
    frames = Frames([SIX, over])

    with pytest.raises(errors.RecordingOver) as raised:
        happenings(lambda _: frames.response())

    assert over is raised.value
    assert frames.closed


def test_a_generator_gives_what_it_lets_pass() -> None:
    """A generator watch function is read like a response, without what it filters out."""

    def make(api: client.CoreV1Api) -> Callable[[ListOptions], object]:
        def only_seven(options: ListOptions) -> Iterator[WatchEvent]:
            for event in events(pods(api, **options)):
                if event.resource_version == "7":
                    yield event

        return only_seven

    assert ["OPENED", "7", "CLEAN_END"] == short(run(make, {"chunks": [SIX, SEVEN]}))
    assert ["OPENED", "7", "CUT"] == short(run(make, {"chunks": [SIX, SEVEN], "end": "cut"}))
    assert ["OPENED", "UNREADABLE"] == short(run(make, {"chunks": [SIX, b"x\n"]}))
    assert ["OPENED", "CLEAN_END"] == short(run(make, {"chunks": []}))
    assert ["STATUS_DENIED"] == short(run(make, {"fail": {"kind": "http", "code": 403}}))
    assert ["REFUSED"] == short(run(make, {"fail": {"kind": "eof"}}))


def test_an_iterator_that_is_no_generator_is_read_too() -> None:
    """A function may return any iterator of events, such as a filter."""
    frames = Frames([SIX, SEVEN])

    found = happenings(lambda _: filter(None, events(frames.response())))

    assert ["OPENED", "6", "7", "CLEAN_END"] == short(found)
    assert frames.closed


def test_a_generator_that_is_left_closes_its_response() -> None:
    """Closing an answer closes what a generator watch function had opened."""
    frames = Frames([SIX, SEVEN])
    answer = Answer(lambda _: (event for event in events(frames.response())), OPTIONS)
    happening = iter(answer)
    next(happening), next(happening)

    answer.close()

    assert frames.closed


def test_a_generator_that_is_left_is_closed() -> None:
    """Closing an answer closes a generator watch function, though somebody still holds it."""
    closed = []

    def generate() -> Iterator[WatchEvent]:
        try:
            yield from events(Frames([SIX, SEVEN]).response())
        finally:
            closed.append(True)

    held = generate()
    answer = Answer(lambda _: held, OPTIONS)
    happening = iter(answer)
    next(happening), next(happening)

    answer.close()

    assert [True] == closed


def test_a_generator_may_meet_the_network_by_itself() -> None:
    """A connection that breaks inside an open generator, outside of events(), is a cut."""

    def generate(_: ListOptions) -> Iterator[WatchEvent]:
        yield from events(Frames([SIX]).response())
        raise ConnectionResetError

    assert ["OPENED", "6", "CUT"] == short(happenings(generate))


def test_an_interrupt_that_came_early_is_not_lost() -> None:
    """A response that is opened after the interrupt is woken as soon as it is known."""

    class Response:
        status = 200
        woken = 0

        def shutdown(self) -> None:
            self.woken += 1

    answer, response = Answer(lambda _: None, OPTIONS), Response()

    answer.interrupt()
    assert 0 == response.woken
    answer.adopt(response)  # type: ignore[arg-type]

    assert 1 == response.woken


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_limit_reaches_the_socket_that_the_client_let_go_of(is_kept: bool) -> None:
    """With Connection: close the client forgets the socket; the one that was shown is limited."""

    class Socket:
        timeouts: list[float | None]

        def __init__(self) -> None:
            self.timeouts = []

        def gettimeout(self) -> float:
            return 30.0

        def settimeout(self, seconds: float | None) -> None:
            self.timeouts.append(seconds)

    shown: Any = Socket()
    response: Any = Frames([SIX]).response()
    response._connection = types.SimpleNamespace(sock=shown if is_kept else None)
    answer = Answer(lambda _: None, OPTIONS)

    answer.reach(shown)
    answer.adopt(response)
    answer.limit(7.0)
    answer.limit(60.0)

    assert [7.0, 30.0] == shown.timeouts


def test_nobody_waits_longer_than_there_is_time() -> None:
    """A wait is as long as the shortest of what limits it, and what is left counts as it passes."""
    now = [4.0]
    clock = types.SimpleNamespace(now=lambda: now[0], sleep=None)
    answer = Answer(lambda _: None, OPTIONS, clock=clock)
    assert answer.shortest() is None
    assert 20.0 == answer.shortest(20.0)

    answer.until = 10.0
    assert (6.0, 5.0) == (answer.shortest(20.0), answer.shortest(5.0))

    answer.limit(3.0)
    assert (3.0, 2.0) == (answer.shortest(), answer.shortest(2.0))

    now[0] = 8.0
    assert 2.0 == answer.shortest(20.0)
    now[0] = 11.0
    assert LEAST_SECONDS == answer.shortest()


def test_a_broken_stream_says_so_to_whoever_reads_it_alone() -> None:
    """events() raises StreamBroken where the connection did not end cleanly."""
    frames = Frames([SIX, ConnectionResetError()])
    found = []

    with pytest.raises(errors.StreamBroken, match="ask again from the last"):
        found.extend(iter(events(frames.response())))
    assert frames.closed


@pytest.mark.parametrize(
    ("make", "connects", "hint"),
    [
        (lambda api: lambda o: api.list_namespaced_pod("lab", watch=True, **o),
         [{"chunks": [SIX, SEVEN]}], "_preload_content=False"),
        (lambda api: lambda o: api.list_namespaced_pod("lab", watch=True, **o),
         [{"chunks": [SIX]}], "_preload_content=False"),
        (lambda api: lambda o: api.list_namespaced_pod("lab", watch=True, **o),
         [{"chunks": []}], "_preload_content=False"),
        (lambda api: lambda o: api.list_namespaced_pod("lab", **o),
         [{"chunks": [POD_LIST]}], "returned a V1PodList that the client had already read"),
        (lambda api: lambda o: api.list_namespaced_pod("lab", _preload_content=False, **o),
         [{"chunks": [POD_LIST]}], "answered with a PodList, which is a list .* `watch=True`"),
        (lambda api: lambda o: watch.Watch().stream(api.list_namespaced_pod, "lab", **o),
         [], "reads the connection for you"),
        (lambda api: lambda o: (e for e in watch.Watch().stream(api.list_namespaced_pod, "lab")),
         [{"chunks": [SIX]}], "reads the connection for you"),
        (lambda api: lambda o: pods(api, resourceVersion="7"), [],
         "no resourceVersion: the Python client spells it resource_version"),
        (lambda api: lambda o: pods(api, resource_version=7), [],
         "refused resource_version: Input should be a valid string"),
        (lambda api: lambda o: other_client(resourceVersion="7"), [],
         "the Python client spells it resource_version"),
        (lambda api: lambda o: pods(api, options=o), [], r"write `\*\*options`"),
        (lambda api: lambda o: pods(api, kwargs=o), [], r"write `\*\*options`"),
        (lambda api: lambda o: api.list_namespaced_pod("lab", o), [], r"write `\*\*options`"),
        (lambda api: lambda o: pods(api, resource_version=o), [], "went in as resource_version"),
        (lambda api: lambda o: pods(api, **o.replace), [], "was given a method: write"),
        (lambda api: lambda o: pods(api, **o()), [], "without parentheses"),
        (lambda api: lambda o: pods(api, **(o | {"limit": 1})), [], "take a copy, as in"),
        (lambda api: lambda o: o.update(limit=1), [], "take a copy, as in"),
        (lambda api: lambda o: o.timeout_seconds, [], r'write `options.get\("timeout_seconds"\)`'),
        (lambda api: lambda o: o.replace({"limit": 1}), [], "takes each option by its name"),
        (lambda api: lambda o: pods(api, resource_version="7", **o), [],
         "resource_version is in the options and beside them"),
        (lambda api: lambda o: pods(api, preload_content=False), [], "spells it _preload_content"),
        (lambda api: lambda o: pods(api, timeout=60), [], "spells it timeout_seconds"),
        (lambda api: lambda o: api.list_namespaced_pod(None), [], "refused argument 1: "),
        (lambda api: awaited, [], "is an `async def`"),
        (lambda api: lambda o: next(iter(())), [], "raised StopIteration"),
        (lambda api: lambda o: (next(iter(())) for _ in "x"), [], "raised StopIteration"),
        (lambda api: goes_on, [], "went on after its generator was closed"),
        (lambda api: lambda o: [], [], "returned a list: return the open response"),
        (lambda api: lambda o: "pods", [], "returned a str: return the open response"),
        (lambda api: lambda o: 1, [], "returned an int: return the open response"),
        (lambda api: lambda o: iter([b"x"]), [], "yielded a bytes: yield the events"),
        (lambda api: lambda o: (e for e in events(None)), [], "was given None"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence(
    make: Callable[[client.CoreV1Api], Callable[[ListOptions], object]],
    connects: list[dict[str, Any]],
    hint: str,
) -> None:
    """What people pass by mistake is refused with what to write instead, in one sentence."""
    sentence = refusal(make, *connects)

    assert re.search(hint, sentence)
    assert sentence.endswith((".", "`."))


def test_returning_nothing_is_a_cause_with_its_sentence() -> None:
    """A function that returns None is a cause, for client-go asks again; its error says why."""
    (cause,) = happenings(lambda _: None)

    assert isinstance(cause, Cause)
    assert Kind.NOTHING is cause.kind
    assert "end it with `return`" in str(cause.error)


@pytest.mark.parametrize("error", [NameError("pod"), TypeError("x"), OSError(2, "no file")])
def test_a_programs_own_error_is_no_connection(error: Exception) -> None:
    """What a function raises by itself is kept apart from what the network does."""

    def fail(_: ListOptions) -> object:
        raise error

    (cause,) = happenings(fail)

    assert isinstance(cause, Cause)
    assert (Kind.RAISED, error) == (cause.kind, cause.error)


def test_an_error_of_kwlab_passes_through() -> None:
    """An unknown field of ListOptions is raised as it is, not retried."""
    with pytest.raises(errors.ListOptionsError):
        happenings(lambda options: options.replace(resourceVersion="7"))


def test_a_tls_failure_is_refused() -> None:
    """The client's own word for a TLS failure, an ApiException with status 0, is no connection."""

    def fail(_: ListOptions) -> object:
        raise client.ApiException(status=0, reason="SSLError\nbad certificate")

    (cause,) = happenings(fail)
    assert isinstance(cause, Cause)
    assert (Kind.REFUSED, "no connection (SSLError bad certificate)") == (cause.kind, cause.detail)


def test_why_there_was_no_connection_is_told() -> None:
    """In one line, with urllib3's retries or without, and without an URL or an address."""
    with ScriptedServer([]) as server:
        url = server.url
    details = []
    for retries in (False, urllib3.Retry(1, backoff_factor=0)):
        pool = urllib3.PoolManager(retries=retries)
        (cause,) = happenings(lambda _, pool=pool: pool.request("GET", f"{url}/secret"))
        assert isinstance(cause, Cause)
        details.append(cause.detail)

    told = r"no connection \(\w+Error: .+\)"
    assert [True, True] == [bool(re.fullmatch(told, detail)) for detail in details], details
    assert not any("secret" in detail or "0x" in detail for detail in details)


def test_a_finished_connection_goes_back_to_its_pool() -> None:
    """A watch that ended cleanly leaves its connection to the next request."""
    with ScriptedServer([{"chunks": [SIX]}]) as server:
        api = api_of(server)
        for _ in range(3):
            happenings(lambda options: pods(api, **options))
        (pool,) = api.api_client.rest_client.pool_manager.pools._container.values()
        api.api_client.close()

    assert (1, 3) == (pool.num_connections, pool.num_requests)


def test_a_left_connection_gives_its_place_in_the_pool_back() -> None:
    """A watch that is left in the middle does not take a place in the pool with it."""
    with ScriptedServer([{"chunks": [SIX], "end": "open"}]) as server:
        api = api_of(server)
        answer = Answer(lambda options: pods(api, **options), OPTIONS)
        happening = iter(answer)
        next(happening), next(happening)
        answer.close()
        (pool,) = api.api_client.rest_client.pool_manager.pools._container.values()
        free, places = pool.pool.qsize(), pool.pool.maxsize
        api.api_client.close()

    assert places == free


@pytest.mark.parametrize(
    ("error", "kind"),
    [(TimeoutError(), "SILENT"), (ConnectionRefusedError(), "REFUSED")],
)
def test_another_clients_network_errors_are_known(error: Exception, kind: str) -> None:
    """The network errors of the standard library are the network's, whoever raises them."""

    def fail(_: ListOptions) -> object:
        raise error

    assert [kind] == short(happenings(fail))


def test_the_client_is_not_imported_with_kwlab() -> None:
    """Importing the watcher imports neither kubernetes nor urllib3."""
    code = (
        "import sys, kwlab.watching.retrywatcher; "
        "print([m for m in ('kubernetes', 'urllib3') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [] == json.loads(done.stdout)
