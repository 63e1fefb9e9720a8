import asyncio

import pytest

from infra.coalescing import Coalescer


class Slow:
    """Answers a batch with the double of every number, once it is let go; keeps what it was given."""

    def __init__(self):
        self.batches = []
        self.gate = asyncio.Event()

    async def __call__(self, asks):
        self.batches.append(asks)
        await self.gate.wait()
        if 13 in asks:
            raise LookupError("13")
        return [ask * 2 for ask in asks]


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_whoever_asks_while_a_batch_is_under_way_joins_the_next():
    async def story():
        slow = Slow()
        coalescer = Coalescer(slow)
        first = coalescer.ask(1)
        await _settle()
        rest = [coalescer.ask(number) for number in (2, 3, 4)]
        await _settle()
        assert slow.batches == [[1]]
        slow.gate.set()
        assert [await first, *[await ask for ask in rest]] == [2, 4, 6, 8]
        assert slow.batches == [[1], [2, 3, 4]]

    asyncio.run(story())


def test_asks_of_one_turn_of_the_loop_go_together():
    async def story():
        slow = Slow()
        slow.gate.set()
        coalescer = Coalescer(slow, most=3)
        assert await asyncio.gather(*(coalescer.ask(number) for number in range(5))) == [0, 2, 4, 6, 8]
        assert slow.batches == [[0, 1, 2], [3, 4]]

    asyncio.run(story())


def test_lanes_run_side_by_side():
    async def story():
        slow = Slow()
        coalescer = Coalescer(slow, lanes=2)
        asks = []
        for number in (1, 2, 3):
            asks.append(coalescer.ask(number))
            await _settle()
        assert slow.batches == [[1], [2]]
        slow.gate.set()
        assert await asyncio.gather(*asks) == [2, 4, 6]

    asyncio.run(story())


def test_an_error_reaches_its_batch_and_nobody_else():
    async def story():
        slow = Slow()
        coalescer = Coalescer(slow)
        good = coalescer.ask(1)
        await _settle()
        bad = [coalescer.ask(13), coalescer.ask(2)]
        slow.gate.set()
        assert await good == 2
        for ask in bad:
            with pytest.raises(LookupError):
                await ask
        assert await coalescer.ask(3) == 6

    asyncio.run(story())


@pytest.mark.parametrize(("keep", "batches"), [(False, [[1], [3]]), (True, [[1], [2, 3]])])
def test_a_cancelled_asker_leaves_the_others_alone(keep, batches):
    async def story():
        slow = Slow()
        coalescer = Coalescer(slow, keep_cancelled=keep)
        asks = [coalescer.ask(1)]
        await _settle()
        asks += [coalescer.ask(2), coalescer.ask(3)]
        asks[0].cancel()
        asks[1].cancel()
        slow.gate.set()
        assert await asks[2] == 6
        assert slow.batches == batches

    asyncio.run(story())


def test_a_wrong_number_of_answers_is_an_error_for_all():
    async def story():
        async def short(asks):
            return asks[1:]

        coalescer = Coalescer(short)
        asks = [coalescer.ask(1), coalescer.ask(2)]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(outcomes[1], ValueError)

    asyncio.run(story())


def test_drain_waits_for_all():
    async def story():
        slow = Slow()
        slow.gate.set()
        coalescer = Coalescer(slow)
        asks = [coalescer.ask(number) for number in range(3)]
        await coalescer.drain()
        assert all(ask.done() for ask in asks)

    asyncio.run(story())
