"""Why a row is as it is, where the source says so; each note holds for the pinned version only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.peers.libraries import Library

# Written out, so that a new pin leaves its notes behind until somebody has read that version.
KUBERNETES: Final = "kubernetes==37.0.2"
KR8S: Final = "kr8s==0.20.15"
LIGHTKUBE: Final = "lightkube==1.0.1"

_OFFICIAL_LINE: Final = (
    "A line that is no JSON: `Watch.unmarshal_event` (`watch/watch.py`) returns `None`, `stream` "
    "hands it on and reads the next line; the resourceVersion after it is then the newer one, so "
    "nothing asks for what was in the line."
)
_AIO_PAUSE: Final = (
    "`Watch.next` reconnects at once after a clean end (`_reconnect`), and has no pause."
)
_AIO_STATUS: Final = (
    "With `_preload_content=False` the client raises for no HTTP status (`client/rest.py`, "
    "`request`). `Watch.next` reads the answer as if it were events: a JSON Status has a code and "
    "is raised; the plain text of a 429 is no JSON, `unmarshal_event` hands it on as it came, and "
    "the next request follows at once. `Retry-After` is not read."
)
_AIO_REST: Final = (
    "A line that is no JSON is handed on as it came (`unmarshal_event`), and the next line is read."
)
_AIO_410: Final = (
    "410 in the stream is tried once more from the same resourceVersion, then raised (`next`, "
    "`retry_410`), as documented for the official `Watch`."
)
_AIO_SILENCE: Final = (
    "No read timeout by default: aiohttp's `ClientTimeout()` is passed with nothing set "
    "(`client/rest.py`). With `_request_timeout` the silence is noticed, and "
    "`Watch.next` reconnects on `asyncio.TimeoutError`."
)

NOTES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("kubernetes Watch", KUBERNETES): (
        "Its documentation says that it resumes by itself, tries once more after a 410, and then "
        "leaves the recovery to the caller (docstring of `Watch.stream`). Exceptions of the "
        "transport and HTTP statuses are not caught there, so they are the caller's too.",
        "A clean end is followed by the next request with no pause (`while True` in `stream`); "
        "with `timeout_seconds` it ends instead (`disable_retries`).",
        _OFFICIAL_LINE,
        "A half line at the end of an answer is dropped (`iter_resp_lines`), and the next "
        "request is from the resourceVersion before it.",
        "429 with `Retry-After` is repeated below it, by urllib3 (`Retry.respect_retry_after`, up "
        "to three times by default).",
        "There is no read timeout by default. With `_request_timeout`, as in the examples, a "
        "silent connection raises urllib3's `ReadTimeoutError`.",
    ),
    ("kubernetes Watch, in `while True`", KUBERNETES): (
        "Each turn begins without a resourceVersion, so the server sends what exists: changes that "
        "nobody watched are never told, deletions among them, and the rest is told again.",
        "The loop is the program's own, without a handler for exceptions and without a pause.",
        _OFFICIAL_LINE,
    ),
    ("kubernetes SharedInformer", KUBERNETES): (
        "`SharedInformer._run_loop` (`informer/informer.py`) goes round with no pause after every "
        "end of a watch, HTTP errors among them; only a failed list is followed by 5 s.",
        "After a 410 it lists again; `_initial_list` then fires MODIFIED for every object that "
        "was known, changed or not, and DELETED for what is gone.",
        "A line that is no JSON: the `None` of `Watch` raises an `AttributeError` in "
        "`_run_loop`, which is caught, and it watches from the last resourceVersion.",
        "`resync_period` bounds each watch on the server's side only, so it does not end one "
        "that has fallen silent.",
    ),
    ("kubernetes.aio Watch", KUBERNETES): (
        _AIO_PAUSE, _AIO_STATUS, _AIO_REST, _AIO_410, _AIO_SILENCE,
    ),
    ("kubernetes_asyncio Watch", "kubernetes_asyncio==36.1.0"): (
        _AIO_PAUSE, _AIO_STATUS, _AIO_REST, _AIO_410, _AIO_SILENCE,
    ),
    ("kopf", "kopf==1.45.2"): (
        "kopf is a framework: it keeps no store for the program, and infers no deletions after a "
        "list. What is believed is what an `on.event` handler is told.",
        "`continuous_watch` (`_cogs/clients/watching.py`) starts the next watch with no pause "
        "after a clean end; `settings.watching.reconnect_backoff` (0.1 s) holds between lists, in "
        "`infinite_watch`.",
        "410 in the stream begins anew with a list, which tells every object again. As an HTTP "
        "status it is an `APIClientError`, which nothing there catches, and the operator stops; "
        "so it does for an ERROR event of another code (`WatchingError`) and for a line that is "
        "no JSON (`api.stream`).",
        "403, 429, 5xx and refused connections are asked again after 1, 1, 2, 3, 5, 8, 13 and "
        "21 s (`settings.networking.error_backoffs`), and raised after that: later than this "
        "run lasts.",
        "Silence ends after 70 s (`settings.watching.inactivity_timeout`).",
        "Where a single deletion is lost, its handler was never called in that run. That came and "
        "went while the machine was busy, also where nothing else went wrong, and in 48 runs "
        "of two scripts by themselves not once. Its cause is not known, and may be on our side: "
        "do not hold it against kopf.",
    ),
    ("kr8s", KR8S): (
        "`Api.async_watch` (`_api.py`) returns when the server ends the watch, so every script "
        "that begins with a clean end is over there, and what follows was not met.",
        "A line of any other content raises what the parser raises; an ERROR event that is no 410 "
        "is taken for an object (`obj.metadata.resourceVersion`).",
        "The read timeout is off for watches (`timeout=None`).",
    ),
    ("kr8s, in `while True` with `since`", KR8S): (
        "The loop is the program's own, without a pause and without a handler for exceptions.",
        "410 in the stream: `async_watch` asks again from the same resourceVersion, at once and "
        "for as long as it is refused.",
        "401 and 403 are repeated three times after a new authentication, then raised "
        "(`Api.call_api`).",
    ),
    ("lightkube", LIGHTKUBE): (
        "The default, `on_error_raise`, raises whatever goes wrong. A clean end is followed by "
        "the next request with no pause (`GenericSyncClient.watch`, `core/generic_client.py`).",
        "The read timeout is off for watches (`_watch_timeout`).",
    ),
    ("lightkube, `on_error_retry`", LIGHTKUBE): (
        "The handler is asked about exceptions of HTTP while the answer is read; "
        "the request itself is made before that (`self.send` in `GenericSyncClient.watch`), so a "
        "refused connection is raised all the same. So is a line that is no JSON.",
        "It retries at once. A handler of one's own can return "
        "`OnErrorResult(OnErrorAction.RETRY, sleep=…)`.",
        "Answers that failed are not closed in the synchronous client (the asynchronous one does "
        "it in `finally`), so their connections stay taken: after a hundred the pool is "
        "empty, and `PoolTimeout` is raised.",
        "A 410 in the stream is an `ApiError`, after which it watches from nothing: deletions "
        "that nobody watched are not told. As an HTTP status it is an `HTTPStatusError`, after "
        "which the resourceVersion is kept.",
    ),
    ("kwlab RetryWatcher", ""): (
        "It resumes and lists nothing, so 410 ends it, by `Expired`, in either form; a 403 ends "
        "it by `Denied`. `resource_version` in them says where to go on from.",
        "Silence ends after 150 s (`RetryOptions.idle_seconds`). Where the watch function "
        "sets a read timeout, that one counts if it is shorter.",
        "With the official client as it is, urllib3 repeats some answers by itself "
        "(429 with `Retry-After`); RetryWatcher says so in the log.",
    ),
    ("kwlab RetryWatcher, `prepared`", ""): (
        "With `kwlab.prepared`, urllib3 repeats nothing by itself; RetryWatcher keeps the "
        "`Retry-After`.",
    ),
    ("kwlab Reflector", ""): (
        "After a 410 it lists again, and tells what is new, what has changed and what is gone. A "
        "403 ends it by `Denied`.",
        "A list whose watch is refused ten times in a row ends it by `NoProgress` "
        "(`RetryOptions.no_progress_limit`).",
    ),
}  # fmt: skip
"""By library and requirement."""


def notes_on(library: Library) -> tuple[str, ...]:
    """Give the notes on a library at its pinned version; none where nobody has read that."""
    return NOTES.get((library.name, library.requirement), ())
