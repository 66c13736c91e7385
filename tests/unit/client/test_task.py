import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch_nb.client.task import (
    FOLLOWS,
    MOST_NONSENSE,
    TRIES,
    Earlier,
    Keep,
    Left,
    Lost,
    Nonsense,
    Repeat,
    State,
    Stop,
    Terms,
    Track,
    after_poll,
    after_submit,
    become,
    earlier,
    truth,
)
from retouch_nb.contract import Accepted, Call, Finished, Pending, Refused
from retouch_nb.errors import (
    CredentialsError,
    ProtocolError,
    RateLimitError,
    ResultExpiredError,
    ServiceError,
    TaskFailedError,
    UnknownOutcomeError,
    UnreachableError,
)

PAID = Terms("j1", "PicWish", "2 credits")
FREE = Terms("j1", "the embedded engine", "free", free=True)
KNOWN = Terms("j1", "Retouch4me", "1 credit", idempotent=True)

says = st.one_of(
    st.builds(Accepted, st.text(max_size=3)),
    st.builds(Pending, st.just("processing"), ticket=st.text(max_size=3)),
    st.builds(Finished, st.just(b"..."), st.text(max_size=3)),
    st.builds(Refused, st.just(ServiceError("no")), st.booleans(), st.booleans()),
    st.builds(Lost, st.just("reset"), st.sampled_from(Left)),
    st.builds(Nonsense, st.builds(ProtocolError, st.just("?"), ticket=st.text(max_size=3))),
)


def safe_to_repeat(said: object) -> bool:
    """Say what the rules allow, in the test's own words."""
    match said:
        case Refused(passing=True, untouched=True) | Lost(left=Left.NOTHING):
            return True
        case _:
            return False


@given(says, st.integers(1, TRIES + 2))
def test_what_may_be_paid_is_repeated_only_where_nothing_can_have_been_taken(
    said: object, nth: int
) -> None:
    """For a service without idempotency key no other answer ever leads to sending again."""
    decision = after_submit(said, PAID, nth=nth)  # type: ignore[arg-type]
    assert not isinstance(decision, Repeat) or (safe_to_repeat(said) and nth < TRIES)


@given(says, st.sampled_from([PAID, FREE, KNOWN]))
def test_repeating_ends(said: object, terms: Terms) -> None:
    """However safe it is, a request is sent no more than so many times."""
    assert not isinstance(after_submit(said, terms, nth=TRIES), Repeat)  # type: ignore[arg-type]


@given(says, st.integers(1, TRIES))
def test_a_task_that_was_named_is_followed(said: object, nth: int) -> None:
    """Whatever else a first answer says, its task id is never dropped."""
    ticket = getattr(said, "ticket", "") or getattr(getattr(said, "error", None), "ticket", "")
    decision = after_submit(said, PAID, nth=nth)  # type: ignore[arg-type]
    if ticket and not isinstance(said, Refused):
        assert isinstance(decision, Track)
        assert decision.ticket == ticket


def test_a_failure_that_names_a_task_is_no_loss() -> None:
    """Whoever names a task has taken it, whatever else went wrong; a refusal has taken nothing."""
    error = ServiceError("500", ticket="t-1")
    followed = after_submit(Refused(error, passing=True, untouched=False), PAID, nth=1)
    assert isinstance(followed, Track)
    assert followed.ticket == "t-1"
    assert after_submit(Refused(error), PAID, nth=1) == Stop(error, State.FAILED)


@pytest.mark.parametrize(
    "said",
    [
        Lost("reset", Left.PART),
        Lost("reset", Left.WHOLE),
        Nonsense(ProtocolError("?")),
        Accepted(""),
        Pending("x"),
        Refused(ServiceError("500"), passing=True, untouched=False),
        Refused(ServiceError("302"), untouched=False),
    ],
    ids=str,
)
def test_a_lost_answer_is_unknown_free_or_repeated_under_its_key(said: object) -> None:
    """Paid: unknown. Free: failed, nothing to lose. With an idempotency key: sent again, and unknown meanwhile."""
    paid = after_submit(said, PAID, nth=1)  # type: ignore[arg-type]
    free = after_submit(said, FREE, nth=1)  # type: ignore[arg-type]
    known = after_submit(said, KNOWN, nth=1)  # type: ignore[arg-type]
    assert isinstance(paid, Stop)
    assert isinstance(paid.error, UnknownOutcomeError)
    assert paid.state is State.UNKNOWN
    assert isinstance(free, Stop)
    assert free.state is State.FAILED
    assert isinstance(known, Repeat)
    assert known.state is State.SENDING


def test_an_unknown_outcome_says_how_to_look_and_how_to_go_on() -> None:
    """The message names the job, the price, the balance and the flag that pays again."""
    stop = after_submit(Lost("reset", Left.WHOLE), PAID, nth=1)
    assert isinstance(stop, Stop)
    for word in ("PicWish", "reset", "2 credits", "balance", "--fresh", "j1"):
        assert word in str(stop.error)
    cut = after_submit(Lost("reset", Left.PART), PAID, nth=1)
    assert isinstance(cut, Stop)
    assert "upload was not complete" in str(cut.error)


def test_what_never_left_is_unreachable() -> None:
    """After the last try the error says that nothing was sent."""
    stop = after_submit(Lost("no connection.", Left.NOTHING), PAID, nth=TRIES)
    assert isinstance(stop, Stop)
    assert isinstance(stop.error, UnreachableError)
    assert stop.state is State.STOPPED


def test_a_refusal_is_raised_as_the_service_meant_it() -> None:
    """A wrong key or a bad parameter fails at once; too many requests only after patience."""
    error = CredentialsError("wrong key")
    assert after_submit(Refused(error), PAID, nth=1) == Stop(error, State.FAILED)
    slow = RateLimitError("slow down")
    assert after_submit(Refused(slow, passing=True), PAID, nth=1) == Repeat(slow, State.PLANNED)
    assert after_submit(Refused(slow, passing=True), PAID, nth=TRIES) == Stop(slow, State.FAILED)


@pytest.mark.parametrize(
    ("said", "decision"),
    [
        (Pending("processing", 0.4), Keep(Pending("processing", 0.4))),
        (Accepted("t"), Keep(Pending("running"))),
        (Lost("reset"), Keep(trouble="reset")),
        (Refused(RateLimitError("slow"), passing=True), Keep(trouble="slow")),
        (Refused(ServiceError("500"), passing=True, untouched=False), Keep(trouble="500")),
        (Nonsense(ProtocolError("html")), Keep(trouble="html")),
    ],
)
def test_trouble_does_not_end_a_task(said: object, decision: Keep) -> None:
    """Resets, server errors, gateways and full queues are waited out."""
    assert after_poll(said, PAID, ticket="t", nonsense=1) == decision  # type: ignore[arg-type]


def test_only_the_services_word_ends_a_task() -> None:
    """Failed and gone are final; everything else we stop at leaves the task resumable."""
    failed, gone, key = TaskFailedError("bad"), ResultExpiredError("gone"), CredentialsError("key")
    assert after_poll(Refused(failed), PAID, ticket="t", nonsense=0) == Stop(failed, State.FAILED)
    assert after_poll(Refused(gone), PAID, ticket="t", nonsense=0) == Stop(gone, State.EXPIRED)
    stop = after_poll(Refused(key), PAID, ticket="t-9", nonsense=0)
    assert isinstance(stop, Stop)
    assert stop.state is None
    assert "t-9" in str(stop.error)
    assert "resume j1" in str(stop.error)


def test_nonsense_is_borne_for_a_while() -> None:
    """A gateway's page is waited out; a service that speaks only nonsense is given up, its task kept."""
    said = Nonsense(ProtocolError("html"))
    assert isinstance(after_poll(said, PAID, ticket="t", nonsense=MOST_NONSENSE - 1), Keep)
    stop = after_poll(said, PAID, ticket="t", nonsense=MOST_NONSENSE)
    assert isinstance(stop, Stop)
    assert stop.state is None


def test_a_result_is_a_result() -> None:
    """Finished is handed on as it is."""
    done = Finished(Call("GET", "https://x/y"), "t")
    assert after_poll(done, PAID, ticket="t", nonsense=0) is done


@given(st.lists(st.sampled_from(State), max_size=12))
def test_no_order_of_news_unmakes_a_result_or_invents_a_task(news: list[State]) -> None:
    """Whatever is reported in whatever order: done stays reachable only through fetched, and nothing precedes sending."""
    state, path = State.PLANNED, [State.PLANNED]
    for wanted in news:
        try:
            state = become(state, wanted)
        except ValueError:
            continue
        path.append(state)
    for before, after in itertools.pairwise(path):
        assert after is before or after in FOLLOWS[before]
        assert not (before is State.DONE and after in {State.RUNNING, State.UNKNOWN, State.SENDING})
        assert not (before is State.PLANNED and after in {State.ACCEPTED, State.FETCHED})


def test_older_news_changes_nothing() -> None:
    """A notebook that comes late with `running` does not undo what another one has finished."""
    for done in (State.FETCHED, State.DONE, State.EXPIRED, State.FAILED, State.STOPPED):
        assert become(done, State.RUNNING) is done


def test_impossible_news_is_a_mistake() -> None:
    """A task cannot be accepted that was never sent."""
    with pytest.raises(ValueError, match="planned cannot become accepted"):
        become(State.PLANNED, State.ACCEPTED)


def test_what_a_dead_process_left_is_told_as_it_is() -> None:
    """Planned means nothing left; sending means nobody knows; a paid task survives; time ends it."""
    assert truth(State.PLANNED, alive=False, expired=False) is State.STOPPED
    assert truth(State.SENDING, alive=False, expired=False) is State.UNKNOWN
    assert truth(State.SENDING, alive=True, expired=False) is State.SENDING
    assert truth(State.RUNNING, alive=True, expired=False) is State.RUNNING
    assert truth(State.RUNNING, alive=True, expired=True) is State.EXPIRED
    assert truth(State.DONE, alive=True, expired=True) is State.DONE


@pytest.mark.parametrize("state", State)
def test_an_equal_request_never_pays_for_what_is_open(state: State) -> None:
    """Only what is over and gone lets a new task begin."""
    over = {State.FAILED, State.EXPIRED, State.STOPPED}
    means = earlier(state, idempotent=False, askable=True)
    assert (means is Earlier.NOTHING) == (state in over)
    assert means is not Earlier.REPEAT
    assert earlier(State.DONE, idempotent=False, askable=False) is Earlier.NOTHING
    assert earlier(State.UNKNOWN, idempotent=True, askable=True) is Earlier.REPEAT
    assert earlier(State.UNKNOWN, idempotent=True, askable=False) is Earlier.ASK
