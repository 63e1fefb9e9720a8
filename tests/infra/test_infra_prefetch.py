import gc
import threading

import pytest

from infra.prefetch import beside, prefetched


def numbers(until, seen=None, fail_at=None):
    """Count, on whichever thread asks; ``seen`` learns of every thread and of the close."""
    try:
        for number in range(until):
            if seen is not None:
                seen.append(threading.get_ident())
            if number == fail_at:
                raise ZeroDivisionError(number)
            yield number
    finally:
        if seen is not None:
            seen.append("closed")


def test_everything_comes_in_order():
    assert list(prefetched(numbers(5))) == [0, 1, 2, 3, 4]
    assert list(prefetched(numbers(0))) == []


def test_the_next_item_is_made_while_this_one_is_used():
    made = threading.Event()

    def two():
        yield 1
        made.set()
        yield 2

    for item in prefetched(two()):
        assert made.wait(10), f"nothing was made while {item} was used"


def test_an_error_comes_in_its_place():
    found = []
    with pytest.raises(ZeroDivisionError):
        found += prefetched(numbers(9, fail_at=3))
    items = prefetched(numbers(9, fail_at=2))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_who_stops_early_closes_it_on_its_own_thread():
    seen = []
    for item in prefetched(numbers(100, seen)):
        if item == 2:
            break
    assert seen[-1] == "closed"
    threads = set(seen[:-1])
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert len(seen) <= 5


def test_an_error_of_the_user_is_the_one_that_counts():
    items = prefetched(numbers(9, fail_at=1))
    next(items)
    with pytest.raises(KeyError):
        items.throw(KeyError)


def test_work_is_done_beside_and_its_result_waited_for():
    begun, let = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert let.wait(10)
        return threading.get_ident()

    with beside(work) as result:
        assert begun.wait(10), "it is done meanwhile"
        let.set()
        assert result() == result() != threading.get_ident()


def test_an_error_of_the_work_comes_to_who_asks_for_the_result():
    with beside(lambda: 1 / 0) as result, pytest.raises(ZeroDivisionError):
        result()
    with beside(lambda: 1 / 0):
        pass  # nobody asked


def test_the_work_has_ended_when_the_context_has():
    done = []
    with pytest.raises(KeyError), beside(lambda: done.append(1)):
        raise KeyError
    assert done == [1]


@pytest.mark.timeout(30)
def test_one_that_was_left_in_the_middle_is_closed_when_it_is_collected():
    """With it in one circle of garbage is all that only it knows; its thread must not be."""
    closed = []

    def items():
        try:
            yield from range(9)
        finally:
            closed.append(threading.current_thread().name)

    def leave():
        ahead = prefetched(items())
        circle = [ahead, next(ahead)]
        circle.append(circle)

    gc.disable()
    gc.freeze()  # what other tests left is not looked through twenty times
    try:
        for _ in range(20):
            leave()
            gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    assert len(closed) == 20
    assert {name.rpartition("_")[0] for name in closed} == {"prefetch"}
