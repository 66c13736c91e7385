"""Who may send: within the cap, once, and only while the run lives."""

import asyncio
from pathlib import Path

import pytest

from retouch_nb.batches.desk import Ask, Desk
from retouch_nb.batches.manifest import Manifest
from retouch_nb.batches.sources import Item
from retouch_nb.batches.work import Product
from retouch_nb.errors import (
    BudgetError,
    OutOfCreditsError,
    StoppedError,
    TaskFailedError,
    UnknownOutcomeError,
    WaitTimeout,
)


@pytest.fixture
def book(tmp_path: Path) -> Manifest:
    """Three photos that wait."""
    made = Manifest(tmp_path, {})
    for n in range(3):
        made.enter(Item(f"{n}.png", str(n), None), n)
    return made


def ask(n: int, token: str, credits: int | None = 2, **more: object) -> Ask:
    return Ask(f"{n}.png", token, f"job-{token}", credits, **more)  # type: ignore[arg-type]


DONE = Product({"credits": 2, "cached": False})


def test_a_yes_is_on_disk_before_it_is_said(book: Manifest) -> None:
    """Whoever opens the manifest after a crash sees that something may be out, and at what price."""
    asyncio.run(Desk(book, None).permit(ask(0, "a")))
    row = book.find("0.png")
    assert (row.sent_by, row.credits, row.job_id) == ("a", 2, "job-a")


def test_another_attempt_is_never_let_in_after_a_lost_one(book: Manifest) -> None:
    """A worker that takes over from a lost one is refused; a person who says to pay again says it for one attempt."""

    async def story() -> None:
        desk = Desk(book, None)
        await desk.permit(ask(0, "lost"))
        await desk.permit(ask(0, "lost"))
        with pytest.raises(UnknownOutcomeError, match=r"0\.png was sent before"):
            await desk.permit(ask(0, "second"))
        await desk.permit(ask(0, "second", fresh=True))
        assert book.find("0.png").credits == 4
        with pytest.raises(UnknownOutcomeError):
            await desk.permit(ask(0, "third", fresh=True))

    asyncio.run(story())


def test_a_repetition_under_its_own_key_is_the_same_request(book: Manifest) -> None:
    """A service that knows repetitions may be sent the same job again."""

    async def story() -> None:
        desk = Desk(book, None)
        await desk.permit(Ask("0.png", "a", "job", 1, repeats=True))
        await desk.permit(Ask("0.png", "b", "job", 1, repeats=True))
        with pytest.raises(UnknownOutcomeError):
            await desk.permit(Ask("0.png", "c", "another job", 1, repeats=True))

    asyncio.run(story())


def test_the_cap_counts_what_is_under_way(book: Manifest) -> None:
    """Who does not fit waits for those under way, and is sent when one of them gives its promise back."""

    async def story() -> None:
        desk = Desk(book, 3)
        await desk.permit(ask(0, "a"))
        second = asyncio.ensure_future(desk.permit(ask(1, "b")))
        await asyncio.sleep(0)
        assert not second.done()
        await desk.failed("0.png", "a", OutOfCreditsError("no"))
        await second
        third = asyncio.ensure_future(desk.permit(ask(2, "c")))
        await desk.done("1.png", DONE)
        with pytest.raises(BudgetError, match="2 of the 3 allowed are spent"):
            await third

    asyncio.run(story())


def test_an_unknown_price_never_fits_under_a_cap(book: Manifest) -> None:
    """Nothing of unknown price is sent where there is a limit, and it is where there is none."""
    with pytest.raises(BudgetError, match="unknown number"):
        asyncio.run(Desk(book, 100).permit(ask(0, "a", None)))
    asyncio.run(Desk(book, None).permit(ask(0, "a", None)))


def test_lost_answers_and_failures_count_as_paid(book: Manifest) -> None:
    """The cap is never exceeded, whatever the service says later."""

    async def story() -> None:
        desk = Desk(book, 5)
        await desk.permit(ask(0, "a"))
        await desk.failed("0.png", "a", UnknownOutcomeError("lost"))
        await desk.permit(ask(1, "b"))
        await desk.failed("1.png", "b", TaskFailedError("no"))
        assert desk.budget.left == 1
        assert book.find("0.png").state == "unknown"

    asyncio.run(story())
    assert Desk(book, 5).budget.left == 1


def test_a_refused_photo_costs_nothing(book: Manifest) -> None:
    """What the service did not take may be sent again and is not counted."""

    async def story() -> None:
        desk = Desk(book, 5)
        await desk.permit(ask(0, "a"))
        await desk.failed("0.png", "a", OutOfCreditsError("no"))
        assert (desk.budget.left, book.find("0.png").sent_by) == (5, "")

    asyncio.run(story())


def test_a_task_that_goes_on_stays_out(book: Manifest) -> None:
    """After a wait that took too long the task's id is kept, so that the next attempt takes it up."""

    async def story() -> None:
        desk = Desk(book, None)
        await desk.permit(ask(0, "a"))
        desk.heard("0.png", "a", "t-1")
        desk.heard("0.png", "another", "t-2")
        row = await desk.failed("0.png", "a", WaitTimeout("not done"))
        assert (row.state, row.reason, row.task_id, row.sent_by) == (
            "failed",
            "transient",
            "t-1",
            "a",
        )

    asyncio.run(story())


def test_a_closed_desk_permits_nothing(book: Manifest) -> None:
    """After a stop nothing leaves any more, wherever it is asked from; the photo waits for the next call."""

    async def story() -> None:
        desk = Desk(book, None)
        desk.close()
        with pytest.raises(StoppedError) as stopped:
            await desk.permit(ask(0, "a"))
        assert (await desk.failed("0.png", "a", stopped.value)).state == "waiting"

    asyncio.run(story())


def test_the_price_of_what_was_sent_stands_whatever_the_cache_says(book: Manifest) -> None:
    """A result that was paid, lost sight of and then found in the cache keeps its price in the manifest."""

    async def story() -> None:
        desk = Desk(book, None)
        await desk.permit(ask(0, "a"))
        row = await desk.done("0.png", Product({"credits": 0, "cached": True}))
        assert (row.credits, row.cached, row.sent_by) == (2, False, "")

    asyncio.run(story())
