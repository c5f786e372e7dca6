"""The cache: computed once, bounded, counted, and never waiting for itself."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import PATIENCE, Job, run_together, wait_until

from sleepdask.errors import ConcurrencyError, ParameterError
from sleepdask.parallel.cache import MAX_BYTES, ThreadSafeCache


def outcome(function: Callable[[], object]) -> object:
    """What a function gives or, as a value, raises."""
    try:
        return function()
    except BaseException as error:
        return error


class Slow:
    """Computation that goes on until it is told to end."""

    def __init__(self, ending: Callable[[], object]) -> None:
        self._ending = ending
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.calls = 0

    def __call__(self) -> object:
        self.calls += 1
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        return self._ending()


def wait_for_waiters(cache: ThreadSafeCache, count: int, key: object) -> None:
    """Wait until so many threads stand at the end of a computation."""
    event: Any = cache._flights[key].done
    wait_until(lambda: len(event._cond._waiters) == count, f"{count} threads that wait")


def raise_it(error: BaseException) -> None:
    raise error


@pytest.fixture
def cache() -> ThreadSafeCache:
    return ThreadSafeCache()


def test_values__are_set_got_and_counted(cache: ThreadSafeCache) -> None:
    assert cache.get("a") is None
    assert cache.get("a", 5) == 5
    cache.set("a", 1)
    cache.set("b", 2)
    assert (cache.get("a"), cache.get("b", 5)) == (1, 2)
    assert cache.size() == len(cache) == 2
    assert cache.contains("a")
    assert "a" in cache
    assert "c" not in cache
    stats = cache.get_stats()
    assert stats.pop("bytes") > 0
    assert stats == {"hits": 2, "misses": 2, "sets": 2, "clears": 0, "size": 2, "hit_rate": 50.0}


def test_none__is_a_value(cache: ThreadSafeCache) -> None:
    calls = []
    assert cache.get_or_compute("a", lambda: calls.append(1)) is None
    assert cache.get_or_compute("a", lambda: calls.append(1)) is None
    assert calls == [1]
    assert cache.get("a", "default") is None
    assert "a" in cache


def test_hit_rate__is_a_percentage(cache: ThreadSafeCache) -> None:
    assert cache.get_hit_rate() == 0.0
    for _ in range(4):
        cache.get_or_compute("a", lambda: 1)
    assert cache.get_hit_rate() == cache.get_stats()["hit_rate"] == 75.0


def test_clear__drops_values_and_keeps_counts(cache: ThreadSafeCache) -> None:
    cache.get_or_compute("a", lambda: 1)
    cache.get("a")
    cache.clear()
    cache.clear()
    assert cache.get_stats() == {
        "hits": 1,
        "misses": 1,
        "sets": 1,
        "clears": 2,
        "size": 0,
        "bytes": 0,
        "hit_rate": 50.0,
    }
    assert cache.get_or_compute("a", lambda: 2) == 2


def test_bytes__are_those_of_dask(cache: ThreadSafeCache) -> None:
    cache.set("a", np.zeros(1000))
    assert cache.get_stats()["bytes"] == 8000
    cache.set("a", np.zeros(500))
    assert cache.get_stats()["bytes"] == 4000
    cache.set("large", Heavy(MAX_BYTES - 1000))
    cache.set("too large", Heavy(MAX_BYTES + 1))
    assert ("large" in cache, "too large" in cache) == (True, False)


class Heavy:
    """Object that says how many bytes it takes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __sizeof__(self) -> int:
        return self._size


def test_bound__drops_the_least_recently_used() -> None:
    cache = ThreadSafeCache(max_bytes=3, sizeof=lambda value: 1)
    for key in "abc":
        cache.set(key, key)
    cache.get("a")
    assert "b" in cache  # looking is not using
    cache.get_or_compute("c", lambda: "c")
    cache.set("d", "d")
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    cache.get_or_compute("e", lambda: "e")
    assert [key for key in "abcde" if key in cache] == ["c", "d", "e"]


def test_larger_than_the_bound__is_given_but_not_kept() -> None:
    cache = ThreadSafeCache(max_bytes=10, sizeof=len)
    cache.set("small", "abc")
    assert cache.get_or_compute("a", lambda: "x" * 11) == "x" * 11
    cache.set("b", "x" * 11)
    assert (cache.size(), cache.get("small")) == (1, "abc")  # nothing made room for it
    cache.set("small", "x" * 11)
    assert "small" not in cache  # what was there is outdated
    assert cache.get_stats()["bytes"] == 0


def test_no_bound() -> None:
    cache = ThreadSafeCache(max_bytes=None, sizeof=lambda value: 1 << 60)
    for key in range(100):
        cache.set(key, key)
    assert cache.size() == 100
    assert cache.get_stats()["bytes"] == 100 << 60


def test_bound__is_checked() -> None:
    with pytest.raises(ParameterError, match="max_bytes is negative; expected 0 or more, or None; found -1"):
        ThreadSafeCache(max_bytes=-1)
    assert ThreadSafeCache(max_bytes=0).get_or_compute("a", lambda: 5) == 5


class Model:
    """The cache as it should be, for one thread."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.entries: OrderedDict[str, int] = OrderedDict()
        self.counts = Counter(hits=0, misses=0, sets=0, clears=0)

    def get(self, key: str, default: object) -> object:
        if key not in self.entries:
            self.counts["misses"] += 1
            return default
        self.counts["hits"] += 1
        self.entries.move_to_end(key)
        return self.entries[key]

    def set(self, key: str, value: int) -> None:
        self.counts["sets"] += 1
        self.entries.pop(key, None)
        if value <= self.max_bytes:
            self.entries[key] = value
        while sum(self.entries.values()) > self.max_bytes:
            self.entries.popitem(last=False)

    def get_or_compute(self, key: str, value: int) -> object:
        found = self.get(key, None)
        if found is None:
            self.set(key, value)
        return value if found is None else found

    def clear(self) -> None:
        self.counts["clears"] += 1
        self.entries.clear()


keys = st.sampled_from("abcdef")
sizes = st.integers(0, 12)
steps = st.one_of(
    st.tuples(st.just("get"), keys, st.none()),
    st.tuples(st.sampled_from(["set", "get_or_compute"]), keys, sizes),
    st.tuples(st.just("clear")),
)


@given(st.integers(0, 20), st.lists(steps, max_size=60))
def test_any_sequence_of_steps__is_as_in_the_model(max_bytes: int, sequence: list[tuple[Any, ...]]) -> None:
    cache, model = ThreadSafeCache(max_bytes, sizeof=lambda value: value), Model(max_bytes)
    for name, *arguments in sequence:
        expected = getattr(model, name)(*arguments)
        if name == "get_or_compute":
            key, value = arguments
            assert cache.get_or_compute(key, lambda value=value: value) == expected  # type: ignore[misc]
        else:
            assert getattr(cache, name)(*arguments) == expected
        assert {key for key in "abcdef" if key in cache} == set(model.entries)
        stats = cache.get_stats()
        assert stats["bytes"] == sum(model.entries.values()) <= max_bytes
        assert stats["size"] == len(model.entries)
        assert {count: stats[count] for count in model.counts} == model.counts


@pytest.mark.usefixtures("many_switches")
def test_sixty_four_threads__compute_each_of_a_thousand_keys_once(cache: ThreadSafeCache) -> None:
    computed: list[int] = []

    def work(seed: int) -> None:
        order = list(range(1000))
        random.Random(seed).shuffle(order)
        for key in order:
            assert cache.get_or_compute(key, lambda key=key: computed.append(key) or -key) == -key  # type: ignore[func-returns-value,misc]

    run_together(*[lambda seed=seed: work(seed) for seed in range(64)])
    assert sorted(computed) == list(range(1000))
    stats = cache.get_stats()
    assert (stats["misses"], stats["sets"], stats["hits"]) == (1000, 1000, 63_000)


def test_fifty_threads__share_five_computations(cache: ThreadSafeCache) -> None:
    start, computed = threading.Barrier(50), []

    def work(key: int) -> object:
        start.wait(PATIENCE)
        return cache.get_or_compute(key, lambda: (computed.append(key), time.sleep(0.01), object())[-1])  # type: ignore[func-returns-value]

    values = run_together(*[lambda i=i: work(i % 5) for i in range(50)])
    assert len(set(map(id, values))) == 5
    assert all(values[i] is values[i % 5] for i in range(50))
    assert sorted(computed) == list(range(5))
    assert cache.get_stats()["hits"] == 45


def test_waiting__counts_as_a_hit(cache: ThreadSafeCache) -> None:
    slow = Slow(lambda: "value")
    jobs = [Job(lambda: cache.get_or_compute("a", slow)) for _ in range(4)]
    assert slow.begun.wait(PATIENCE)
    wait_for_waiters(cache, 3, "a")
    assert cache.get("a", "not yet") == "not yet"
    assert "a" not in cache
    slow.may_end.set()
    assert [job.end() for job in jobs] == ["value"] * 4
    assert slow.calls == 1
    stats = cache.get_stats()
    assert (stats["misses"], stats["sets"], stats["hits"]) == (2, 1, 3)


def test_different_keys__compute_at_the_same_time(cache: ThreadSafeCache) -> None:
    inside = threading.Barrier(8)
    run_together(*[lambda k=k: cache.get_or_compute(k, lambda: inside.wait(PATIENCE)) for k in range(8)])
    assert cache.size() == 8


def test_others__use_the_cache_while_one_computes(cache: ThreadSafeCache) -> None:
    slow = Slow(lambda: 1)
    job = Job(lambda: cache.get_or_compute("a", slow))
    assert slow.begun.wait(PATIENCE)
    cache.set("b", 2)
    assert (cache.get("b"), cache.size(), cache.get_or_compute("c", lambda: 3)) == (2, 1, 3)
    slow.may_end.set()
    assert job.end() == 1


def test_computation__may_use_the_cache(cache: ThreadSafeCache) -> None:
    def compute() -> tuple[object, ...]:
        cache.set("b", 2)
        part = cache.get_or_compute("c", lambda: cache.get_or_compute("d", lambda: 4) - 1)
        return cache.get("b"), part, cache.get("a", "unknown"), cache.size(), "a" in cache, cache.get_stats()["sets"]

    assert cache.get_or_compute("a", compute) == (2, 3, "unknown", 3, False, 3)
    assert cache.get("a") == (2, 3, "unknown", 3, False, 3)


def test_recursion__over_many_keys(cache: ThreadSafeCache) -> None:
    def fibonacci(n: int) -> int:
        return n if n < 2 else cache.get_or_compute(n, lambda: fibonacci(n - 1) + fibonacci(n - 2))

    assert fibonacci(90) == 2880067194370816120
    assert set(run_together(*[lambda: fibonacci(60)] * 8)) == {1548008755920}


def test_error__reaches_all_who_wait_and_nothing_is_kept(cache: ThreadSafeCache) -> None:
    error = ValueError("broken")
    slow = Slow(lambda: raise_it(error))
    jobs = [Job(lambda: outcome(lambda: cache.get_or_compute("a", slow))) for _ in range(5)]
    assert slow.begun.wait(PATIENCE)
    wait_for_waiters(cache, 4, "a")
    slow.may_end.set()
    assert all(job.end() is error for job in jobs)
    assert slow.calls == 1
    assert (cache.size(), cache.get_stats()["sets"], cache.get_stats()["hits"]) == (0, 0, 0)
    assert cache.get_or_compute("a", lambda: 5) == 5


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupt__releases_those_who_wait(cache: ThreadSafeCache, interrupt: type[BaseException]) -> None:
    slow = Slow(lambda: raise_it(interrupt()))
    leader = Job(lambda: outcome(lambda: cache.get_or_compute("a", slow)))
    assert slow.begun.wait(PATIENCE)
    waiter = Job(lambda: cache.get_or_compute("a", slow))
    wait_for_waiters(cache, 1, "a")
    slow.may_end.set()
    assert isinstance(leader.end(), interrupt)
    with pytest.raises(ConcurrencyError, match="cache key 'a': the computation was interrupted in another thread"):
        waiter.end()
    assert cache.get_or_compute("a", lambda: 5) == 5


def test_value_that_cannot_be_sized__is_an_error_like_any_other() -> None:
    cache = ThreadSafeCache(sizeof=len)
    for _ in range(2):
        with pytest.raises(TypeError, match="has no len"):
            cache.get_or_compute("a", lambda: 5)
    assert cache.size() == 0


@pytest.mark.parametrize("error", [StopIteration, ConcurrencyError])
def test_error__is_passed_on_as_it_is(cache: ThreadSafeCache, error: type[Exception]) -> None:
    raised = error("mine")
    assert outcome(lambda: cache.get_or_compute("a", lambda: raise_it(raised))) is raised


def test_clear__while_computing__is_not_undone(cache: ThreadSafeCache) -> None:
    slow, newer = Slow(lambda: "old"), Slow(lambda: "new")
    old = Job(lambda: cache.get_or_compute("a", slow))
    assert slow.begun.wait(PATIENCE)
    cache.clear()
    new = Job(lambda: cache.get_or_compute("a", newer))
    assert newer.begun.wait(PATIENCE)  # it does not wait for the old one
    slow.may_end.set()
    assert old.end() == "old"
    assert "a" not in cache
    newer.may_end.set()
    assert new.end() == cache.get("a") == "new"


def test_set__while_computing__wins(cache: ThreadSafeCache) -> None:
    slow = Slow(lambda: "computed")
    job = Job(lambda: cache.get_or_compute("a", slow))
    assert slow.begun.wait(PATIENCE)
    waiter = Job(lambda: cache.get_or_compute("a", slow))
    wait_for_waiters(cache, 1, "a")
    cache.set("a", "set")
    assert cache.get_or_compute("a", slow) == "set"
    slow.may_end.set()
    assert job.end() == waiter.end() == "computed"
    assert cache.get("a") == "set"


def test_failure__does_not_undo_a_newer_computation(cache: ThreadSafeCache) -> None:
    failing, newer = Slow(lambda: raise_it(ValueError("broken"))), Slow(lambda: "new")
    old = Job(lambda: outcome(lambda: cache.get_or_compute("a", failing)))
    assert failing.begun.wait(PATIENCE)
    cache.clear()
    new = Job(lambda: cache.get_or_compute("a", newer))
    assert newer.begun.wait(PATIENCE)
    failing.may_end.set()
    assert isinstance(old.end(), ValueError)
    waiter = Job(lambda: cache.get_or_compute("a", lambda: "third"))
    wait_for_waiters(cache, 1, "a")
    newer.may_end.set()
    assert new.end() == waiter.end() == "new"


CIRCLE = "a value is needed to compute itself; compute it without asking the cache for it"


@pytest.mark.parametrize("between", [0, 1, 5])
def test_circle__in_one_thread(between: int) -> None:
    caches = [ThreadSafeCache() for _ in range(between + 1)]

    def demand(depth: int) -> object:
        turn = depth % len(caches)
        return caches[turn].get_or_compute(turn, lambda: demand(depth + 1))

    with pytest.raises(ConcurrencyError, match=f"cache key 0: {CIRCLE}"):
        run_together(lambda: demand(0))
    assert [cache.size() for cache in caches] == [0] * len(caches)
    assert caches[0].get_or_compute(0, lambda: 5) == 5


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("n_caches", [1, 2])
@pytest.mark.parametrize(("nested", "asked"), [(False, "outer"), (True, "outer"), (True, "inner")])
def test_circle__through_several_threads(threads: int, n_caches: int, nested: bool, asked: str) -> None:
    """Each thread computes a key, perhaps another one inside, and there asks for a key of the next thread."""
    caches = [ThreadSafeCache() for _ in range(n_caches)]
    all_begun = threading.Barrier(threads)

    def get(i: int, name: str, compute: Callable[[], object]) -> object:
        owner = i % threads
        return caches[owner % n_caches].get_or_compute((name, owner), compute)

    def ask_next(i: int) -> object:
        all_begun.wait(PATIENCE)
        return get(i + 1, asked, lambda: "never")

    def compute(i: int) -> object:
        return get(i, "inner", partial(ask_next, i)) if nested else ask_next(i)

    found = run_together(*[partial(outcome, partial(get, i, "outer", partial(compute, i))) for i in range(threads)])
    assert all(isinstance(error, ConcurrencyError) for error in found)
    assert len({id(error) for error in found}) == 1  # one breaks the circle, the others wait for it
    assert CIRCLE in str(found[0])
    assert sum(cache.size() for cache in caches) == 0


def test_circle__can_be_avoided_by_the_one_who_is_told(cache: ThreadSafeCache) -> None:
    begun = threading.Barrier(2)

    def compute(other: str) -> object:
        begun.wait(PATIENCE)
        try:
            return cache.get_or_compute(other, lambda: "never")
        except ConcurrencyError:
            return "alone"

    found = run_together(
        lambda: cache.get_or_compute("a", lambda: compute("b")),
        lambda: cache.get_or_compute("b", lambda: compute("a")),
    )
    assert found == ["alone", "alone"]
    assert cache.size() == 2


def test_circle__through_a_thread_of_the_computation(cache: ThreadSafeCache) -> None:
    def compute() -> object:
        return Job(partial(copy_context().run, cache.get_or_compute, "a", lambda: "never")).end()

    with pytest.raises(ConcurrencyError, match=CIRCLE):
        run_together(lambda: cache.get_or_compute("a", compute))


@pytest.mark.parametrize("wanted", ["whole", "far"])
def test_circle__through_a_thread_that_outlives_what_started_it(cache: ThreadSafeCache, wanted: str) -> None:
    """The whole waits for a thread that a part of it left behind, and this one, perhaps far around, for the whole."""
    left_behind, far_begun = threading.Event(), threading.Event()

    def wander() -> object:
        assert left_behind.wait(PATIENCE)
        return cache.get_or_compute(wanted, lambda: "never")

    def compute_whole() -> object:
        job = cache.get_or_compute("part", lambda: Job(partial(copy_context().run, wander)))
        left_behind.set()
        return job.end()

    def compute_far() -> object:
        far_begun.set()
        wait_for_waiters(cache, 1, "far")
        return cache.get_or_compute("whole", lambda: "never")

    jobs = [Job(lambda: cache.get_or_compute("far", compute_far))] if wanted == "far" else []
    assert not jobs or far_begun.wait(PATIENCE)
    for job in [Job(lambda: cache.get_or_compute("whole", compute_whole)), *jobs]:
        with pytest.raises(ConcurrencyError, match=CIRCLE):
            job.end()


def test_diamond__is_no_circle(cache: ThreadSafeCache) -> None:
    """Two threads of one computation, and a stranger, need the same part."""
    slow = Slow(lambda: 1)

    def part(name: str) -> int:
        return cache.get_or_compute(name, lambda: cache.get_or_compute("shared", slow))  # type: ignore[return-value]

    def compute() -> int:
        jobs = [Job(partial(copy_context().run, part, name)) for name in ("left", "right")]
        return sum(job.end() for job in jobs)

    whole = Job(lambda: cache.get_or_compute("whole", compute))
    assert slow.begun.wait(PATIENCE)
    stranger = Job(lambda: part("left"))
    wait_for_waiters(cache, 1, "shared")
    slow.may_end.set()
    assert (whole.end(), stranger.end()) == (2, 1)
    assert slow.calls == 1


def test_computation_that_has_ended__is_in_no_circle(cache: ThreadSafeCache) -> None:
    """What a context remembers of ended computations does not stop it from asking for their keys again."""
    contexts = []
    cache.get_or_compute("a", lambda: contexts.append(copy_context()))
    cache.clear()
    assert contexts[0].run(cache.get_or_compute, "a", lambda: 5) == 5


def test_values_that_were_dropped__are_freed(cache: ThreadSafeCache) -> None:
    def compute() -> object:
        part = ref(cache.get_or_compute("part", lambda: Heavy(1)))
        assert part() is not None
        cache.clear()
        assert part() is None  # also while what needed it goes on
        return Heavy(2)

    whole = ref(cache.get_or_compute("whole", compute))
    assert whole() is None  # cleared in the meantime
    kept = ref(cache.get_or_compute("whole", lambda: Heavy(3)))
    assert kept() is not None
    cache.clear()
    assert kept() is None


def test_finalizer_of_a_value__may_use_the_cache() -> None:
    cache = ThreadSafeCache(max_bytes=2, sizeof=lambda value: 1)

    class Farewell:
        def __del__(self) -> None:
            cache.get_or_compute("last words", lambda: "bye")

    def work() -> None:
        cache.set("a", Farewell())
        cache.set("a", 1)
        cache.set("b", Farewell())
        cache.set("c", 2)
        cache.set("d", 3)
        cache.set("e", Farewell())
        cache.clear()

    run_together(work)
    stats = cache.get_stats()
    assert cache.get("last words") == "bye"
    assert (stats["size"], stats["bytes"]) == (1, 1)


@pytest.mark.usefixtures("many_switches")
def test_bound__holds_while_all_is_used_at_once() -> None:
    cache = ThreadSafeCache(max_bytes=100, sizeof=lambda value: value)
    start = threading.Barrier(16)

    def work(seed: int) -> None:
        dice = random.Random(seed)
        start.wait(PATIENCE)
        for _ in range(500):
            key = dice.randrange(1, 30)
            assert cache.get_or_compute(key, lambda key=key: key) == key  # type: ignore[misc]
            assert cache.get(key, key) == key
            if not dice.randrange(10):
                cache.set(key, key)
            if not dice.randrange(100):
                cache.clear()
            assert cache.get_stats()["bytes"] <= 100

    run_together(*[lambda seed=seed: work(seed) for seed in range(16)])
    kept = [key for key in range(30) if key in cache]
    assert cache.get_stats()["bytes"] == sum(kept)
    assert cache._flights == {}
