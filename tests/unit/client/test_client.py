import asyncio
import io
import logging
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from retouch_nb.client import Client, Event, Result, Route, State
from retouch_nb.contract import (
    Accepted,
    Answer,
    Call,
    Finished,
    Limits,
    Operation,
    Outcome,
    Provider,
    Refused,
    Upload,
)
from retouch_nb.credentials import Credentials
from retouch_nb.errors import (
    BudgetError,
    CredentialsError,
    HomeError,
    ParameterError,
    PictureError,
    ProtocolError,
    RateLimitError,
    ResultExpiredError,
    RetouchError,
    ServiceError,
    StoppedError,
    TaskFailedError,
    UnknownNameError,
    UnknownOutcomeError,
    UnreachableError,
    WaitTimeout,
)
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import PICWISH, Enhance, RetouchObject

KEY = "canary-7f3a9c51"
REFUSED = httpx.ConnectError("refused")
RESET = httpx.ReadError("reset")


def run(work: Awaitable[Any]) -> Any:
    """Run one thing on a loop of its own, as a kernel's background thread would."""

    async def main() -> Any:
        return await work

    return asyncio.run(main())


def states(client: Client) -> list[str]:
    """Give the states in the journal, the newest first."""
    return [entry.state.value for entry in client.jobs()]


def test_a_result_comes_with_its_receipt(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Picture, file, and who made it for how much under which id."""
    result: Result = run(client.run(operation, route, job_id="j1"))
    assert result.photo.data == service.result == result.data == result.path.read_bytes()
    assert result.kind == "picture"
    receipt = result.receipt
    assert (receipt.job_id, receipt.task_id, receipt.maker) == ("j1", "t-1", "PicWish")
    assert receipt.cost == "2 credits (estimate by the long side)"
    assert (receipt.requests, receipt.cached) == (4, False)
    assert receipt.seconds > 0
    assert states(client) == ["done"]


def test_a_receipt_tells_waiting_from_work(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any
) -> None:
    """What the service calls its queue is no time of the task; where the queue ended unseen, half of the pause is."""
    words = [(0, 0), (3, 0), (4, 40)]
    service.pending = 0
    service.plans["GET"] = [
        httpx.Response(
            200, json={"status": 200, "data": {"task_id": "t-1", "state": n, "progress": p}}
        )
        for n, p in words
    ]
    receipt = run(client.run(operation, route)).receipt
    queued, also, left, _ = moment.slept
    assert receipt.seconds == sum(moment.slept)
    assert receipt.waited == pytest.approx(queued + also + left / 2)
    assert receipt.worked == pytest.approx(receipt.seconds - receipt.waited)


def test_a_watcher_sees_every_stage(client: Client, route: Route, operation: Operation) -> None:
    """Sending, queued, the service's own words and its progress, fetching; always with the job's id."""
    seen: list[Event] = []
    run(client.run(operation, route, job_id="j1", watch=seen.append))
    told = list(dict.fromkeys(event.state for event in seen))
    assert told == ["sending", "queued", "processing", "fetching"]
    assert {event.job_id for event in seen} == {"j1"}
    assert [event.progress for event in seen if event.state == "processing"] == [0.4]
    assert seen[-1].ticket == "t-1"


def test_a_watcher_that_fails_harms_nothing(
    client: Client, route: Route, operation: Operation
) -> None:
    """A broken display must not lose a paid picture."""

    def broken(event: Event) -> None:
        raise RuntimeError

    assert run(client.run(operation, route, watch=broken)).photo


def test_the_same_again_is_free(
    client: Client, route: Route, operation: Operation, service: Any, new_client: Any
) -> None:
    """A second run sends nothing, needs no key, and says that it is cached; in this process and in another."""
    run(client.run(operation, route, job_id="j1"))
    count = len(service.seen)
    other = new_client(credentials=Credentials({}, keyring=lambda: None))
    for again in (client, other):
        events: list[Event] = []
        result = run(again.run(operation, route, max_credits=0, watch=events.append))
        assert result.receipt.cost == "free, from the cache"
        assert (result.receipt.job_id, result.receipt.task_id) == ("j1", "t-1")
        assert [event.state for event in events] == ["cached"]
    assert len(service.seen) == count


def test_what_decides_the_picture_decides_the_cache(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """Other options, pictures, makers and versions are other requests; how the result travels is not."""
    run(client.run(Enhance(photo), route))
    run(client.run(Enhance(photo, return_type=2), route))
    assert len(service.accepted) == 1
    run(client.run(Enhance(photo, type="face"), route))
    run(client.run(Enhance(photo), replace(route, maker="somebody else")))
    run(client.run(Enhance(photo), replace(route, version="2")))
    assert len(service.accepted) == 4


def test_fresh_means_again(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The person's explicit word sends and pays anew, and the new result is the cached one from then on."""
    run(client.run(operation, route))
    service.result = Photo.open(np.full((20, 30, 3), 7, np.uint8)).data
    fresh = run(client.run(operation, route, fresh=True, job_id="j2"))
    assert len(service.accepted) == 2
    assert fresh.photo.data == service.result
    assert run(client.run(operation, route)).photo.data == service.result


def test_requests_under_way_are_joined(
    client: Client, route: Route, operation: Operation, photo: Photo, service: Any
) -> None:
    """Two cells that ask for the same get one task and both get the picture; a third thing is its own."""

    async def both() -> list[Result]:
        return await asyncio.gather(
            client.run(operation, route),
            client.run(Enhance(photo), route),
            client.run(Enhance(photo, type="face"), route),
        )

    one, two, other = run(both())
    assert one.receipt == two.receipt
    assert other.receipt.job_id != one.receipt.job_id
    assert len(service.accepted) == 2


def test_who_leaves_does_not_take_the_others_along(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Cancelling one of two waiters leaves the run to the other; the last one stops it."""
    service.pending = 5

    async def one_leaves() -> Result:
        first = asyncio.ensure_future(client.run(operation, route))
        second = asyncio.ensure_future(client.run(operation, route))
        while not service.accepted:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        assert first.cancelled()
        return await second

    assert run(one_leaves()).photo
    assert len(service.accepted) == 1


def test_the_last_to_leave_stops_the_run(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The paid task stays resumable, and the next run takes it up."""
    service.pending = 1000

    async def stop() -> None:
        task = asyncio.ensure_future(client.run(operation, route))
        while client.jobs() == [] or client.jobs()[0].state is not State.RUNNING:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run(stop())
    assert states(client) == ["running"]
    service.pending = 0
    assert run(client.run(operation, route)).receipt.task_id == "t-1"
    assert len(service.accepted) == 1
    assert states(client) == ["done"]


def test_the_key_goes_to_the_service_and_nowhere_else(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """It is in the header of every request to the service, and in none to the host of the result."""
    run(client.run(operation, route))
    for request in service.seen:
        assert (request.headers.get("x-api-key") == KEY) == (request.url.host == "service.example")


def test_no_key_no_request(
    new_client: Any, route: Route, operation: Operation, service: Any
) -> None:
    """Without a key nothing is sent or written down, and the message says where it is looked for."""
    client = new_client(credentials=Credentials({}, keyring=lambda: None))
    with pytest.raises(CredentialsError, match="PICWISH_API_KEY"):
        run(client.run(operation, route))
    assert service.seen == []
    assert client.jobs() == []


def test_a_cap_is_kept(
    client: Client, route: Route, operation: Operation, photo: Photo, service: Any
) -> None:
    """Too dear, or of unknown price: refused before anything is sent. Just enough passes."""
    with pytest.raises(BudgetError, match="2 credits"):
        run(client.run(operation, route, max_credits=1))
    unknown = RetouchObject(photo, np.ones((48, 64), bool))
    with pytest.raises(BudgetError, match="not documented"):
        run(client.run(unknown, route, max_credits=99))
    assert service.seen == []
    run(client.run(operation, route, max_credits=2))
    run(client.run(unknown, replace(route, free=True), max_credits=0))


def test_a_cap_does_not_keep_from_what_is_paid(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Taking up a task that was paid for costs nothing."""
    with pytest.raises(WaitTimeout):
        run(client.run(operation, route, patience=0.5))
    assert run(client.run(operation, route, max_credits=0)).photo
    assert len(service.accepted) == 1


def test_an_address_in_the_clear_is_refused(client: Client, operation: Operation) -> None:
    """Checked before anything else."""
    with pytest.raises(ParameterError, match="PICWISH_BASE_URL"):
        run(client.run(operation, Route(PICWISH, "http://service.example", "PicWish")))


def test_what_could_not_be_reached_is_tried_again(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any
) -> None:
    """Failures to connect cost nothing: a few tries, then an error that says so and a row that says so."""
    service.plans["POST"] = [REFUSED, REFUSED]
    assert run(client.run(operation, route)).photo
    service.plans["POST"] = [REFUSED] * 9
    with pytest.raises(UnreachableError, match="nothing was paid"):
        run(client.run(operation, route, fresh=True))
    assert service.kinds.count("POST") == 3 + 4
    assert states(client) == ["stopped", "done"]
    assert len(service.accepted) == 1


def test_too_fast_is_waited_out_as_asked(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any
) -> None:
    """A 429 was not taken: sent again after the time the service names, told with a countdown."""
    service.plans["POST"] = [
        httpx.Response(429, headers={"retry-after": "9"}, json={"status": 429})
    ]
    events: list[Event] = []
    began = moment.now
    assert run(client.run(operation, route, watch=events.append)).photo
    waiting = [event for event in events if event.state == "waiting to retry"]
    assert [event.pause for event in waiting] == [9.0]
    assert moment.now - began > 9
    assert len(service.accepted) == 1


def test_patience_with_a_busy_service_ends(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Too many 429, or one that asks for longer than we may wait, is the service's own error and nothing paid."""
    service.plans["POST"] = [httpx.Response(429, json={"status": 429}) for _ in range(9)]
    with pytest.raises(RateLimitError):
        run(client.run(operation, route))
    service.plans["POST"] = [httpx.Response(429, headers={"retry-after": "200"}, json={})]
    with pytest.raises(RateLimitError):
        run(client.run(operation, route, patience=60))
    assert service.accepted == []
    assert set(states(client)) <= {"failed", "stopped"}


def test_a_refusal_is_final(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """A wrong key is not tried twice; what the service repeats of the key is blotted out."""
    service.plans["POST"] = [httpx.Response(401, json={"status": 401, "message": f"bad key {KEY}"})]
    with pytest.raises(CredentialsError) as caught:
        run(client.run(operation, route))
    assert KEY not in str(caught.value)
    assert "********" in str(caught.value)
    assert states(client) == ["failed"]


@pytest.mark.parametrize(
    "trouble",
    [
        RESET,
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("bye"),
        RuntimeError("transport"),
        httpx.Response(500, json={"status": 500, "message": "oops"}),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(200, text="<html>log in to this wifi</html>"),
        httpx.Response(200, json={"status": 200}),
        httpx.Response(200, json=[1, 2]),
        httpx.Response(200, json={"status": 200, "data": {"state": 4}}),
        httpx.Response(200, content=b""),
    ],
    ids=lambda t: repr(t),
)
def test_an_unclear_answer_is_never_followed_by_a_second_request(
    client: Client, route: Route, operation: Operation, service: Any, trouble: Any, new_client: Any
) -> None:
    """Unknown is said, written down and asked about again on the next run; only `fresh` pays again."""
    service.plans["POST"] = [trouble]
    with pytest.raises(UnknownOutcomeError) as caught:
        run(client.run(operation, route, job_id="j1"))
    assert caught.value.job_id == "j1"
    assert states(client) == ["unknown"]
    for later in (client, new_client()):
        with pytest.raises(UnknownOutcomeError, match="j1"):
            run(later.run(operation, route))
        with pytest.raises(UnknownOutcomeError, match="j1"):
            run(later.resume("j1", operation, route))
    assert service.kinds == ["POST"]
    assert run(client.run(operation, route, fresh=True)).photo
    assert run(client.run(operation, route)).receipt.cached
    assert len(service.accepted) == 1


def test_forgetting_an_unknown_job_treats_it_as_lost(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The person has looked and decided."""
    service.plans["POST"] = [RESET]
    with pytest.raises(UnknownOutcomeError):
        run(client.run(operation, route, job_id="j1"))
    client.forget("j1")
    assert run(client.run(operation, route)).photo
    with pytest.raises(UnknownNameError):
        client.find("j1")


@pytest.mark.parametrize(
    "trouble",
    [
        REFUSED,
        RESET,
        httpx.Response(429, headers={"retry-after": "3"}, json={"status": 429}),
        httpx.Response(500, json={"status": 500}),
        httpx.Response(503, text="<html>"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"status": 200, "data": {"state": 1, "task_id": "t-1"}}),
    ],
    ids=lambda t: repr(t),
)
def test_asking_survives_trouble(
    client: Client, route: Route, operation: Operation, service: Any, trouble: Any
) -> None:
    """A task that was accepted is asked after through resets, floods, gateways and nonsense."""
    service.plans["GET"] = [trouble] * 3
    service.pending = 0
    assert run(client.run(operation, route)).receipt.requests == 1 + 3 + 1 + 1
    assert len(service.accepted) == 1


def test_pauses_between_questions_keep_the_pace_of_the_page(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any
) -> None:
    """Never faster than the service allows, never without news for long, never more than its own scripts ask."""
    service.pending = 20
    run(client.run(operation, route, patience=500))
    least, usual = route.provider.polls
    asked = np.cumsum(moment.slept)
    assert least <= min(moment.slept) <= max(moment.slept) <= 2 * usual
    assert all(at >= usual * before for before, at in enumerate(asked))


def test_the_client_learns_how_long_tasks_take(
    client: Client, route: Route, photo: Photo, service: Any, moment: Any, new_client: Any
) -> None:
    """Later tasks of a kind are asked after when they are about to end; another kind knows nothing of it."""
    start = moment.now

    async def busy(request: httpx.Request) -> httpx.Response:
        done = moment.now - start >= 9.0
        service.pending = 0 if done else 1
        return service.answer_get(request)

    def noticed(operation: Operation, client: Client) -> tuple[float, int]:
        nonlocal start
        moment.now += 60.0  # nobody waits for a turn
        start, before = moment.now, len(service.seen)
        service.plans["GET"] = [busy] * 30
        run(client.run(operation, route, fresh=True))
        return moment.now - start - 9.0, len(service.seen) - before

    first = noticed(Enhance(photo), client)
    for _ in range(5):
        noticed(Enhance(photo), client)
    waste, requests = noticed(Enhance(photo), new_client())
    assert waste < 1.0
    assert requests < first[1]
    assert noticed(Enhance(photo, type="face"), client) == first


def test_the_end_of_patience_is_not_the_end_of_the_task(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The error holds both ids and the words to resume; the row stays; resuming brings the picture."""
    service.pending = 1000
    with pytest.raises(WaitTimeout) as caught:
        run(client.run(operation, route, job_id="j1", patience=20))
    assert (caught.value.job_id, caught.value.ticket) == ("j1", "t-1")
    assert "resume j1" in str(caught.value)
    assert "t-1" in str(caught.value)
    assert states(client) == ["running"]
    service.pending = 0
    result = run(client.resume("j1", Enhance.detached(), route))
    assert result.receipt.job_id == "j1"
    assert result.receipt.operation == "enhance"
    assert len(service.accepted) == 1


def test_a_failed_task_fails(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The service's reason is raised; the next run begins anew, and resuming says what happened."""
    service.plans["GET"] = [
        httpx.Response(200, json={"status": 200, "data": {"task_id": "t-1", "state": -7}})
    ]
    with pytest.raises(TaskFailedError, match="state -7"):
        run(client.run(operation, route, job_id="j1"))
    assert states(client) == ["failed"]
    with pytest.raises(TaskFailedError, match="state -7"):
        run(client.resume("j1", operation, route))
    assert run(client.run(operation, route)).photo


def test_a_task_that_is_gone_is_expired(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """A 404 ends the asking."""
    service.plans["GET"] = [httpx.Response(404, json={"status": 404})]
    with pytest.raises(ResultExpiredError):
        run(client.run(operation, route))
    assert states(client) == ["expired"]


def test_a_key_refused_while_asking_leaves_the_task(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The task is paid for whatever became of the key: the message says how to take it up."""
    service.plans["GET"] = [httpx.Response(401, json={"status": 401})]
    with pytest.raises(CredentialsError, match="resume j1"):
        run(client.run(operation, route, job_id="j1"))
    assert states(client) == ["accepted"]
    assert run(client.run(operation, route)).photo
    assert len(service.accepted) == 1


def test_only_nonsense_is_given_up(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The task is left resumable."""
    service.plans["GET"] = [httpx.Response(200, text="<html>") for _ in range(9)]
    with pytest.raises(ProtocolError, match="resume j1"):
        run(client.run(operation, route, job_id="j1"))
    assert states(client) == ["accepted"]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refused_link_is_asked_for_anew(
    client: Client, route: Route, operation: Operation, service: Any, status: int
) -> None:
    """Once, with a fresh link of the same task; then the result counts as gone and the task stays."""
    service.pending = 0
    service.plans["link"] = [httpx.Response(status)]
    assert run(client.run(operation, route)).photo
    links = [str(r.url) for r in service.seen if service.kind(r) == "link"]
    assert len(set(links)) == 2
    service.plans["link"] = [httpx.Response(status), httpx.Response(status)]
    with pytest.raises(ResultExpiredError, match="resume j2"):
        run(client.run(operation, route, fresh=True, job_id="j2"))
    assert states(client)[0] == "accepted"
    assert len(service.accepted) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        RESET,
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, content=b"\x89PNG\r\n\x1a\nbroken"),
    ],
    ids=repr,
)
def test_a_download_that_fails_is_tried_again(
    client: Client, route: Route, operation: Operation, service: Any, trouble: Any
) -> None:
    """Broken, busy or not a picture: fetched again, never paid again; in the end an error that keeps the task."""
    service.plans["link"] = [trouble] * 3
    assert run(client.run(operation, route)).photo
    service.plans["link"] = [trouble] * 9
    with pytest.raises(ProtocolError, match="resume j2"):
        run(client.run(operation, route, fresh=True, job_id="j2"))
    assert len(service.accepted) == 2
    assert states(client)[0] == "accepted"


def test_a_result_may_come_with_the_first_answer(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """Waiting in one request: bytes, a link, or only a ticket after all."""
    binary = Enhance(photo, sync=True, return_type=3)
    service.plans["POST"] = [httpx.Response(200, content=service.result)]
    assert run(client.run(binary, route)).receipt.requests == 1
    link = {"task_id": "t-7", "state": 1, "image": "https://results.example/t-7.png"}
    service.plans["POST"] = [httpx.Response(200, json={"status": 200, "data": link})]
    result = run(client.run(Enhance(photo, sync=True), route, fresh=True))
    assert (result.receipt.task_id, result.receipt.requests) == ("t-7", 2)
    running = {"task_id": "t-1", "state": 4, "progress": 10}
    service.accepted = ["t-1"]
    service.plans["POST"] = [httpx.Response(200, json={"status": 200, "data": running})]
    assert run(client.run(Enhance(photo, sync=True), route, fresh=True)).receipt.task_id == "t-1"


def test_a_result_that_came_broken_and_cannot_be_asked_for_is_lost(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """Said plainly; it is not taken for a task one could wait for."""
    service.plans["POST"] = [httpx.Response(200, content=service.result[:40])]
    with pytest.raises(ProtocolError, match="may be paid"):
        run(client.run(Enhance(photo, sync=True, return_type=3), route))
    assert states(client) == ["failed"]


def test_a_resumed_job_of_another_place_is_refused(
    client: Client, route: Route, operation: Operation
) -> None:
    """Task ids mean nothing at another address."""
    with pytest.raises(WaitTimeout):
        run(client.run(operation, route, job_id="j1", patience=0.5))
    with pytest.raises(ParameterError, match="was sent to"):
        run(client.resume("j1", operation, replace(route, base_url="https://other.example")))
    with pytest.raises(UnknownNameError):
        run(client.resume("nope", operation, route))


def test_resuming_what_is_done_is_free(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """From the cache while it is there; from the service while that keeps it; then gone, and said so."""
    run(client.run(operation, route, job_id="j1"))
    count = len(service.seen)
    assert run(client.resume("j1", operation, route)).receipt.cached
    assert len(service.seen) == count
    client.cache.clear()
    assert run(client.resume("j1", operation, route)).photo
    assert len(service.accepted) == 1
    client.cache.clear()
    service.accepted = []
    with pytest.raises(ResultExpiredError):
        run(client.resume("j1", operation, route))


def test_a_lost_cache_does_not_cost_while_the_service_keeps_the_result(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any
) -> None:
    """Within the hour a run takes the paid task up again; after it, it is paid anew."""
    run(client.run(operation, route))
    client.cache.clear()
    assert not run(client.run(operation, route)).receipt.cached
    assert len(service.accepted) == 1
    client.cache.clear()
    moment.now += 3601
    run(client.run(operation, route))
    assert len(service.accepted) == 2


def test_resuming_a_run_under_way_joins_it(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """One poller, two who wait."""

    async def both() -> tuple[Result, Result]:
        first = asyncio.ensure_future(client.run(operation, route, job_id="j1"))
        while not service.accepted:
            await asyncio.sleep(0)
        return await asyncio.gather(first, client.resume("j1", operation, route))

    one, two = run(both())
    assert one is two


def test_what_was_stopped_before_it_left_is_said_so(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Resuming it explains that there is nothing to wait for."""
    service.plans["POST"] = [REFUSED] * 9
    with pytest.raises(UnreachableError):
        run(client.run(operation, route, job_id="j1"))
    with pytest.raises(StoppedError, match="nothing was paid"):
        run(client.resume("j1", operation, route))


class Blocking:
    """A step of the service at which a test interrupts."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.answer = answer

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.reached.set()
        await self.go_on.wait()
        assert self.answer
        return self.answer(request)


async def interrupted(
    client: Client, operation: Operation, route: Route, step: Blocking, *, late: bool = False
) -> None:
    """Run until a step of the service is reached, then cancel; with `late`, the service answers after that."""
    task = asyncio.ensure_future(client.run(operation, route, job_id="j1"))
    await step.reached.wait()
    task.cancel()
    if late:
        asyncio.get_running_loop().call_soon(step.go_on.set)
    await asyncio.wait({task})
    assert task.cancelled()


def test_an_interrupt_while_sending_waits_a_moment_for_the_ticket(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """What has left whole is worth a moment: the ticket makes it a task one can resume."""

    async def main() -> None:
        step = Blocking(service.answer_post)
        service.plans["POST"] = [step]
        await interrupted(client, operation, route, step, late=True)

    run(main())
    entry = client.find("j1")
    assert (entry.state, entry.ticket) == (State.ACCEPTED, "t-1")
    assert run(client.run(operation, route)).photo
    assert len(service.accepted) == 1


def test_an_interrupt_without_an_answer_is_unknown(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """After the moment nobody knows; the next run asks."""

    async def main() -> None:
        step = Blocking()
        service.plans["POST"] = [step]
        await interrupted(client, operation, route, step)

    run(main())
    assert client.find("j1").state is State.UNKNOWN
    with pytest.raises(UnknownOutcomeError):
        run(client.run(operation, route))


def test_stopping_the_embedded_engine_cancels_there(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Only where nothing is paid a task is really cancelled."""
    free = replace(route, free=True, paced=False, maker="embedded engine")

    async def main(place: Route) -> None:
        step = Blocking()
        service.plans["GET"] = [step]
        await interrupted(client, operation, place, step)

    run(main(free))
    assert service.cancelled == ["t-1"]
    assert client.find("j1").state is State.STOPPED
    client.forget("j1")
    run(main(route))
    assert service.cancelled == ["t-1"]
    assert client.find("j1").state is State.ACCEPTED


def test_the_embedded_engine_is_not_asked_twice_about_an_old_task(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """Its tasks die with the kernel: a run begins anew, whatever the journal holds; a lost answer is just a failure."""
    free = replace(route, free=True, paced=False, maker="embedded engine")
    with pytest.raises(WaitTimeout):
        run(client.run(operation, free, patience=0.001))
    service.plans["POST"] = [RuntimeError("bug")]
    with pytest.raises(ServiceError, match="Nothing was paid"):
        run(client.run(operation, free))
    result = run(client.run(operation, free))
    assert result.receipt.cost == "free"
    assert result.receipt.task_id == "t-2"


def test_the_embedded_engine_gets_no_key_of_a_service(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """It demands one as its contract says; it gets a word."""
    run(client.run(operation, replace(route, free=True)))
    assert {request.headers.get("x-api-key") for request in service.seen} == {"free", None}


def test_a_disk_that_fails_before_sending_says_so(
    new_client: Any, route: Route, operation: Operation, service: Any, home: Path
) -> None:
    """Nothing is sent that could not be written down."""
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(HomeError):
        run(new_client().run(operation, route))
    assert service.seen == []


def test_a_disk_that_fails_after_sending_says_the_ticket(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """The paid id is in the message, whatever else is lost."""

    async def full(request: httpx.Request) -> httpx.Response:
        client.journal._transaction = broken  # type: ignore[method-assign]
        return service.answer_post(request)

    def broken(**options: Any) -> Any:
        raise HomeError("The disk is full.", advice="Free some space.")

    service.plans["POST"] = [full]
    with pytest.raises(HomeError) as caught:
        run(client.run(operation, route, job_id="j1"))
    assert "t-1" in str(caught.value)
    assert "j1" in str(caught.value)


def test_a_damaged_result_is_fetched_anew(
    client: Client, route: Route, operation: Operation, service: Any
) -> None:
    """A cache that rots costs a download, not a credit."""
    result = run(client.run(operation, route))
    result.path.write_bytes(result.data[:-9])
    again = run(client.run(operation, route))
    assert again.photo.data == service.result
    assert len(service.accepted) == 1


def test_a_picture_is_asked_of_a_zip_in_vain(
    client: Client, route: Route, operation: Operation
) -> None:
    """The result says what it is."""
    result = run(client.run(operation, route))
    zipped = replace(result, kind="zip", opened=None)
    with pytest.raises(PictureError):
        _ = zipped.photo


def test_a_plain_question_is_one_request(client: Client, route: Route, service: Any) -> None:
    """A balance is asked with the key and starts nothing."""
    service.plans["GET"] = [httpx.Response(200, json={"status": 200, "data": []}), RESET]
    answer = run(client.ask(Call("GET", "/api/customers/package-credits"), route))
    assert answer.json() == {"status": 200, "data": []}
    assert client.jobs() == []
    with pytest.raises(UnreachableError):
        run(client.ask(Call("GET", "/api/customers/package-credits"), route))


RETOUCHER = Provider(
    "retoucher", "Retoucher", "https://service.example", "R_URL", "PICWISH_API_KEY", "", "", 1.0,
    (5.0, 20.0), 300, 24, key_field="token", idempotent=True,
)  # fmt: skip


class Layered(Operation, name="layered", provider=RETOUCHER, limits=Limits(10**8, (1, 10**5))):
    """A service with an idempotency key, a key field and slow polls."""

    photo: Photo
    kinds = ("picture", "zip")

    def submit(self) -> Call:
        return Call("POST", "/start", {}, {"file": Upload.of(self.photo)})

    def poll(self, ticket: str) -> Call:
        return Call("GET", f"/status/{ticket}")

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        data = answer.json().get("data", {})
        if answer.status != 200:
            return Refused(ServiceError("500"), passing=True, untouched=False)
        if data.get("state") == 1:
            return Finished(Call("GET", data["image"]), data["task_id"])
        return Accepted(data["task_id"])


def keys_of(service: Any) -> list[str]:
    """Give the idempotency key of every start."""
    return [r.headers["idempotency-key"] for r in service.seen if r.method == "POST"]


def test_a_repetition_is_sent_under_the_same_key(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """Where a service knows repetitions, a lost answer is repeated; each job has a key of its own."""
    place = replace(route, provider=RETOUCHER)
    service.plans["POST"] = [RESET, httpx.Response(500)]
    run(client.run(Layered(photo), place))
    first = keys_of(service)
    assert len(first) == 3
    assert len(set(first)) == 1
    run(client.run(Layered(photo), place, fresh=True))
    assert keys_of(service)[-1] != first[0]


def test_an_unknown_job_is_repeated_under_its_key_by_a_later_run(
    client: Client, new_client: Any, route: Route, photo: Photo, service: Any, moment: Any
) -> None:
    """After a crash too; but not when the service may have forgotten the key."""
    place = replace(route, provider=RETOUCHER)
    service.plans["POST"] = [RESET] * 4
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Layered(photo), place, job_id="j1"))
    result = run(new_client().run(Layered(photo), place))
    assert result.receipt.job_id == "j1"
    assert len(set(keys_of(service))) == 1
    service.plans["POST"] = [RESET] * 4
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Layered(photo), place, fresh=True))
    client.cache.clear()
    moment.now += 25 * 3600
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Layered(photo), place))


class Once(Operation, name="once", provider=PICWISH, limits=Limits(10**8, (1, 10**5))):
    """A service of one call whose answer is a link, with no task to ask after."""

    photo: Photo

    def submit(self) -> Call:
        return Call("POST", "/once", {}, {"image": Upload.of(self.photo)})

    def read(self, answer: Answer, ticket: str = "") -> Outcome:
        return Finished(Call("GET", "https://results.example/r.png?sig=1"), "request-1")


def test_a_link_without_a_task_survives_a_crash(
    client: Client, new_client: Any, route: Route, photo: Photo, service: Any
) -> None:
    """Where nothing can be asked after, the link itself is kept until the result is on disk."""

    async def main() -> None:
        step = Blocking()
        service.plans["link"] = [step]
        await interrupted(client, Once(photo), route, step)

    run(main())
    assert client.find("j1").link.endswith("sig=1")
    result = run(new_client().resume("j1", Once.detached(), route))
    assert result.photo.data == service.result
    assert client.find("j1").link == ""
    assert len(service.seen) == 3


def test_a_plug_in_that_cannot_read_an_answer_loses_no_task(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """Its mistake is an unknown outcome, not a second request."""

    class Clumsy(Once, name="clumsy"):
        def read(self, answer: Answer, ticket: str = "") -> Outcome:
            raise KeyError("surprise")

    with pytest.raises(UnknownOutcomeError, match="surprise"):
        run(client.run(Clumsy(photo), route))
    assert states(client) == ["unknown"]


def test_the_key_is_nowhere_but_on_the_wire(
    client: Client, route: Route, operation: Operation, service: Any, home: Path, caplog: Any
) -> None:
    """Not in files, reprs, errors, events or logs, over a good run and several bad ones."""
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    plans: list[tuple[str, list[Any]]] = [
        ("POST", []),
        ("POST", [httpx.Response(401, json={"status": 401, "message": KEY})]),
        ("POST", [httpx.Response(200, text=f"<html>{KEY}")]),
        ("POST", [httpx.LocalProtocolError(f"bad header {KEY}")]),
        ("GET", [httpx.Response(500, json={"status": 500, "message": KEY})]),
        (
            "GET",
            [httpx.Response(200, json={"status": 200, "data": {"state": -1, "state_detail": KEY}})],
        ),
        ("link", [httpx.Response(302, headers={"location": f"http://x.example/{KEY}"})] * 4),
    ]
    for kind, plan in plans:
        service.plans[kind] = plan
        try:
            seen.append(run(client.run(operation, route, fresh=True, watch=seen.append)))
        except RetouchError as error:
            seen += [error, vars(error), error._render_traceback_()]
            cause: BaseException | None = error
            while cause is not None:
                assert not _holds_key(cause)
                cause = cause.__cause__ or cause.__context__
    seen += [client, route, *client.jobs(), caplog.text]
    assert KEY not in repr(seen) + "".join(map(str, seen))
    client.close()
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert files
    assert not any(KEY.encode() in data for data in files)


def _holds_key(error: BaseException) -> bool:
    """Look for the key in the variables of all frames that an error carries, as an error reporter would."""
    trace = error.__traceback__
    while trace is not None:
        local = {
            n: v
            for n, v in trace.tb_frame.f_locals.items()
            if n not in {"plans", "plan", "caplog", "seen"}
        }
        if "retouch_nb" in trace.tb_frame.f_code.co_filename and KEY in repr(local):
            return True
        trace = trace.tb_next
    return False


def test_what_a_run_would_do_is_foreseen(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """It would send and cost something; after the run it would not; fresh, it would again. Asking sends nothing."""
    operation = Enhance(photo)
    before = client.foresee(operation, route)
    assert before.sends and before.price.credits == 2 and not service.seen
    run(client.run(operation, route))
    after = client.foresee(operation, route)
    assert not after.sends and after.path and after.price.credits == 0
    assert after.seconds is not None and client.foresee(operation, route, fresh=True).sends


def test_options_without_effect_are_no_difference(
    client: Client, route: Route, photo: Photo
) -> None:
    """PicWish ignores the strengths unless the type is 1: in plain form such requests are equal."""
    mask = np.ones((photo.size[1], photo.size[0]), bool)
    metal = [RetouchObject(photo, mask, type=4, retouch_strength=n).plain() for n in (0, 90)]
    normal = [RetouchObject(photo, mask, retouch_strength=n).plain() for n in (0, 90)]
    assert client.identity(metal[0], route) == client.identity(metal[1], route)
    assert client.identity(normal[0], route) != client.identity(normal[1], route)


def left_running(client: Client, route: Route, operation: Operation, service: Any) -> None:
    """Start a task and stop waiting for it."""
    service.pending = 10**6
    with pytest.raises(WaitTimeout):
        run(client.run(operation, route, job_id="j1", patience=5))
    service.pending = 0


def test_a_task_that_the_clock_alone_calls_over_is_not_paid_again(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any, new_client: Any
) -> None:
    """A clock that jumps ahead has not made the service forget: asking costs nothing, so it is asked first."""
    left_running(client, route, operation, service)
    moment.now += 3 * 86_400
    assert client.foresee(operation, route).price.credits == 2
    result = run(new_client().run(operation, route, max_credits=0))
    assert (result.receipt.job_id, result.photo.data) == ("j1", service.result)
    assert len(service.accepted) == 1


@pytest.mark.parametrize(
    "gone",
    [
        httpx.Response(404, json={"status": 404, "message": "no such task"}),
        httpx.Response(400, json={"status": 400, "message": "expired"}),
    ],
)
def test_a_task_that_is_over_for_the_service_too_is_begun_anew(
    client: Client, route: Route, operation: Operation, service: Any, moment: Any, gone: Any
) -> None:
    """In the same run, within the person's cap, and the old row says what became of it."""
    left_running(client, route, operation, service)
    moment.now += 3 * 86_400
    service.plans["GET"] = [gone]
    with pytest.raises(BudgetError):
        run(client.run(operation, route, max_credits=0))
    assert len(service.accepted) == 1
    assert run(client.run(operation, route)).receipt.job_id != "j1"
    assert len(service.accepted) == 2
    assert states(client) == ["done", "expired"]


def test_a_link_that_is_over_is_followed_once_more(
    client: Client, route: Route, photo: Photo, service: Any, moment: Any
) -> None:
    """The same where nothing but a link leads to the result."""
    service.plans["link"] = [httpx.Response(500)] * 4
    with pytest.raises(ServiceError):
        run(client.run(Once(photo), route))
    moment.now += 3 * 86_400
    assert run(client.run(Once(photo), route)).photo.data == service.result
    client.cache.clear()
    service.plans["link"] = [httpx.Response(500)] * 4
    with pytest.raises(ServiceError):
        run(client.run(Once(photo), route, fresh=True))
    moment.now += 3 * 86_400
    service.plans["link"] = [httpx.Response(403)] * 2
    assert run(client.run(Once(photo), route)).photo.data == service.result
    assert service.kinds.count("POST") == 3


def test_by_a_clock_that_was_set_back_nothing_is_repeated(
    client: Client, route: Route, photo: Photo, service: Any, moment: Any
) -> None:
    """Nobody knows whether the service still knows the key, so a person decides."""
    place = replace(route, provider=RETOUCHER)
    service.plans["POST"] = [RESET] * 4
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Layered(photo), place))
    moment.now -= 10 * 86_400
    with pytest.raises(UnknownOutcomeError):
        run(client.run(Layered(photo), place))
    assert service.kinds.count("POST") == 4


def test_a_damaged_archive_is_fetched_anew_and_not_kept(
    client: Client, route: Route, photo: Photo, service: Any
) -> None:
    """A byte that fell over on the way would be handed out from the cache for ever; the service sends it again for nothing."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1_Heal_blendmode=normal.png", photo.data)
    whole = file.getvalue()
    damaged = bytearray(whole)
    damaged[len(photo.data) // 2] ^= 1
    service.plans["link"] = [httpx.Response(200, content=bytes(damaged))]
    service.result = whole
    result = run(client.run(Layered(photo), replace(route, provider=RETOUCHER)))
    assert (result.kind, result.data) == ("zip", whole)
    assert len(service.accepted) == 1
