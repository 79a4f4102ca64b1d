"""What the server knows at a moment, and from where it still answers a watch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwlab.history import state_after
from kwlab.made import Step, made_evenly
from kwlab.server.watchcache import Present, Since, TooOld, WatchCache, parse_version
from tests.histories import MAPS, NAMESPACE, busy, pods, shipped


@pytest.mark.parametrize(
    ("expected", "text"),
    [(0, "0"), (7, "7"), (7, "007"), (2**64 - 1, str(2**64 - 1)), (7, "0" * 5000 + "7")],
)
def test_resource_versions_that_are_numbers(expected: int, text: str) -> None:
    """The server reads any unsigned 64-bit decimal number, leading zeros and all."""
    assert expected == parse_version(text)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("invalid syntax", "abc"),
        ("invalid syntax", "-1"),
        ("invalid syntax", "+1"),
        ("invalid syntax", "1.5"),
        ("invalid syntax", "٣"),
        ("invalid syntax", "1_000"),
        ("value out of range", str(2**64)),
        ("value out of range", "9" * 5000),
    ],
)
def test_resource_versions_that_are_none(reason: str, text: str) -> None:
    """Anything else is refused in the words of Go's strconv."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_version(text)
    assert f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing' in str(
        caught.value
    )


def test_objects_stand_in_the_order_of_their_bytes() -> None:
    """Objects are listed by the bytes of namespace/name, as etcd keeps them."""
    names = ("crit-b/m", "crit-b-x/m", "crit-b/m0", "crit-b/m-1", "crit-b/m.1")
    cache = WatchCache(pods(existing=names))
    found = cache.objects(cache.history.resources[0], None, 0)
    assert ["crit-b-x/m", "crit-b/m", "crit-b/m-1", "crit-b/m.1", "crit-b/m0"] == [
        item.key.decode() for item in found
    ]


@given(st.integers(0, 200), st.integers(0, 40), st.integers(1, 300))
def test_state_is_what_all_changes_leave(number: int, objects: int, changes: int) -> None:
    """The state kept every few changes is the state that replaying all of them gives."""
    past = made_evenly(shipped("pods-churn"), objects=objects, changes=changes, seconds=60)
    expected = state_after(past.objects, past.changes[:number])
    found = WatchCache(past).objects(past.resources[0], None, number)
    assert sorted(expected.values(), key=lambda item: item.key) == found


def test_the_version_rises_with_changes_and_bookmarks() -> None:
    """A bookmark's resourceVersion counts from its time on, but never past the next change."""
    past = shipped("pods-churn")
    cache = WatchCache(past)
    assert parse_version(past.resource_version) == cache.version(0.0)
    for at in {change.at for change in past.changes}:
        done = past.changes[: past.happened(at)]
        assert parse_version(done[-1].object.resource_version) == cache.version(at)
        assert cache.version(at - 0.0005) < parse_version(done[-1].object.resource_version)
    assert 3619 <= cache.version(59.778) < parse_version(past.changes[-1].object.resource_version)


def test_a_bookmark_never_reaches_past_the_next_change() -> None:
    """A bookmark whose recorded time is early is held back until its changes have happened."""
    past = pods(*busy(3, apart=1.0))
    object.__setattr__(past, "progress", ((0.5, "1002"), (2.5, "1007")))
    cache = WatchCache(past)
    assert [1000, 1001, 1002, 1002] == [cache.version(at) for at in (0.6, 1.0, 2.0, 2.6)]


def test_when_a_version_is_reached() -> None:
    """The server knows when it will reach a resourceVersion, and which one it never does."""
    past = pods(*busy(3, apart=1.0))
    cache = WatchCache(past)
    assert [1.0, 2.0, 3.0] == [cache.reaches(1000 + n) for n in (1, 2, 3)]
    assert float("inf") == cache.reaches(1004)


def starts(cache: WatchCache, version: int | None, at: float) -> Present | Since | TooOld:
    return cache.start(cache.history.resources[0], NAMESPACE, version, at)


def test_a_watch_without_version_starts_with_the_present() -> None:
    """None and 0 start with what exists, and go on with what comes."""
    cache = WatchCache(pods(*busy(3, apart=1.0), existing=("a",)))
    for version in (None, 0):
        start = starts(cache, version, 2.0)
        assert isinstance(start, Present)
        assert (["a", "busy"], 2) == ([item.name for item in start.objects], start.number)


def test_a_watch_in_the_window_starts_after_its_version() -> None:
    """A known resourceVersion starts with the next change, one in a hole too, a future one too."""
    cache = WatchCache(pods(*busy(3, apart=1.0)))
    assert Since(0, 1000) == starts(cache, 1000, 9.0)
    assert Since(2, 1002) == starts(cache, 1002, 9.0)
    assert Since(3, 9999) == starts(cache, 9999, 9.0)


def test_before_the_list_is_too_old() -> None:
    """Nothing is known from before the list with which a recording begins."""
    cache = WatchCache(pods(*busy(3, apart=1.0)))
    assert TooOld(1000) == starts(cache, 999, 9.0)


def test_the_border_of_the_window() -> None:
    """The smallest answered resourceVersion is the oldest kept event's minus one."""
    cache = WatchCache(pods(*busy(150, apart=1.0)))
    # The ring of 100 holds the first 100 s; the 101st event finds its oldest 100 s old.
    assert 1000 == cache.oldest(cache.history.resources[0], 100.0)
    assert 1001 == cache.oldest(cache.history.resources[0], 101.0)
    assert 1050 == cache.oldest(cache.history.resources[0], 150.0)
    assert TooOld(1050) == starts(cache, 1049, 150.0)
    assert Since(50, 1050) == starts(cache, 1050, 150.0)


def test_a_window_of_fresh_events_grows() -> None:
    """While the oldest kept event is younger than 75 s the window doubles, up to 102,400."""
    cache = WatchCache(pods(*busy(1000, apart=0.05)))
    assert 1000 == cache.oldest(cache.history.resources[0], 60.0)
    cache = WatchCache(pods(*busy(1000, apart=0.05)), window_limit_events=200)
    assert 1800 == cache.oldest(cache.history.resources[0], 60.0)


def test_a_window_of_old_events_shrinks() -> None:
    """When its newest quarter is older than 75 s, a full window is halved, to no less than 100."""
    slow = [Step(20.0 + 10.0 * n, "modify", "busy") for n in range(1, 400)]
    cache = WatchCache(pods(*busy(200, apart=0.1), *slow, seconds=5000.0))
    oldest = [cache.oldest(cache.history.resources[0], 20.0 + 10.0 * n) for n in range(400)]
    kept = [1200 + n - version for n, version in enumerate(oldest)]
    # At 400 it is full, and its newest 100 events took 1,000 s.
    assert [400, 200, 100, 100] == kept[200:204]


def test_the_window_counts_all_namespaces_and_one_type() -> None:
    """150 changes elsewhere expire a version where nothing happened; another type's do not."""
    quiet = Step(0.5, "add", "quiet", namespace="calm")
    cache = WatchCache(pods(quiet, *busy(150, apart=1.0, start=1.0)))
    resource = cache.history.resources[0]
    assert isinstance(cache.start(resource, "calm", 1001, 200.0), TooOld)
    cache = WatchCache(pods(quiet, *busy(150, apart=1.0, start=1.0, resource="configmaps")))
    assert Since(1, 1001) == cache.start(resource, "calm", 1001, 200.0)
    assert isinstance(cache.start(MAPS, "calm", 1001, 200.0), TooOld)


def test_a_restart_empties_the_window() -> None:
    """After a restart a version that was fine is too old, and the window begins anew."""
    cache = WatchCache(pods(*busy(300, apart=1.0)), forgotten=[150.0])
    assert Since(140, 1140) == starts(cache, 1140, 149.9)
    assert TooOld(1150) == starts(cache, 1140, 150.0)
    assert Since(150, 1150) == starts(cache, 1150, 150.0)
    assert 1150 == cache.oldest(cache.history.resources[0], 250.0)
    assert 1151 == cache.oldest(cache.history.resources[0], 251.0)


@given(
    st.lists(st.floats(0.01, 60.0), min_size=1, max_size=400),
    st.integers(1, 40),
    st.integers(1, 200),
)
def test_the_window_is_the_servers_ring(gaps: list[float], lower: int, upper: int) -> None:
    """The window slides as the ring of kube-apiserver's watch_cache.go does."""
    at, moments = 0.0, []
    for gap in gaps:
        at += gap
        moments.append(at)
    steps = [Step(at, "modify" if n else "add", "busy") for n, at in enumerate(moments)]
    upper = max(lower, upper)
    cache = WatchCache(pods(*steps, seconds=1e9), window_events=lower, window_limit_events=upper)
    ring: list[float | None] = [None] * lower
    versions: dict[int, int] = {}
    start = 0
    for end, at in enumerate(moments):
        size = len(ring)
        if end == start + size:
            oldest, quarter = ring[start % size], ring[(end - size // 4) % size]
            assert oldest is not None
            assert quarter is not None
            new = size
            if at - oldest < 75:
                new = min(size * 2, upper)
            elif at - quarter > 75:
                new = max(size // 2, lower)
            if new != size:
                if new < size:
                    start = end - new
                bigger: list[float | None] = [None] * new
                for i in range(start, end):
                    bigger[i % new] = ring[i % size]
                ring = bigger
            if end == start + len(ring):
                start += 1
        ring[end % len(ring)] = at
        versions[end] = 1001 + end
        expected = versions[start] - 1 if start else 1000
        assert expected == cache.oldest(cache.history.resources[0], at)


def test_the_real_servers_own_word_counts() -> None:
    """What a recorded 410 said was the oldest answered is said again."""
    past = pods(*busy(3, apart=1.0))
    object.__setattr__(past, "oldest", ((1.5, "990"), (2.5, "1001")))
    cache = WatchCache(past)
    assert TooOld(1000) == starts(cache, 980, 1.0)
    assert TooOld(990) == starts(cache, 980, 2.0)
    assert TooOld(1000) == starts(cache, 995, 2.0)
    assert TooOld(1001) == starts(cache, 1000, 3.0)
