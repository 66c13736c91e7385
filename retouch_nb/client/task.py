"""One task, seen from outside: its states, what may follow what, and what to do about every answer.

Nothing here does anything. The rules that cost money when broken are these functions and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias

from retouch_nb.contract import Accepted, Finished, Outcome, Pending, Refused
from retouch_nb.errors import (
    ProtocolError,
    ResultExpiredError,
    RetouchError,
    ServiceError,
    TaskFailedError,
    UnknownOutcomeError,
    UnreachableError,
)


class State(StrEnum):
    """What the journal says of a task.

    ``planned``: nothing has left. ``sending``: the request may be out. ``accepted``, ``running``: the service has
    it, and what leads to its result is on disk. ``fetched``: the result is on disk. ``done``: it was handed over. ``unknown``: sent,
    answer lost. ``stopped``: given up before anything left, or cancelled for good.
    """

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    RUNNING = "running"
    FETCHED = "fetched"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    STOPPED = "stopped"


_S = State
_ENDS: Final = {_S.FETCHED, _S.FAILED, _S.EXPIRED, _S.STOPPED}
FOLLOWS: Final[Mapping[State, frozenset[State]]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.FAILED, _S.STOPPED}),
    _S.SENDING: frozenset({_S.PLANNED, _S.ACCEPTED, _S.UNKNOWN, *_ENDS}),
    _S.ACCEPTED: frozenset({_S.RUNNING, *_ENDS}),
    _S.RUNNING: frozenset(_ENDS),
    _S.FETCHED: frozenset({_S.DONE, _S.FAILED, _S.EXPIRED}),
    _S.DONE: frozenset({_S.FETCHED, _S.FAILED, _S.EXPIRED}),
    _S.UNKNOWN: frozenset({_S.SENDING, _S.ACCEPTED, _S.FAILED, _S.STOPPED}),
    _S.FAILED: frozenset({_S.FETCHED}),
    _S.EXPIRED: frozenset({_S.FETCHED}),
    _S.STOPPED: frozenset(),
}
"""What may follow. A result in the hand outweighs what was believed before. An unknown task is sent again only under its
own Idempotency-Key; else only its sender, taken for dead too early, can still say what became of it."""

_LATER: Final = {_S.FETCHED, _S.DONE, _S.FAILED, _S.EXPIRED, _S.STOPPED}


def become(now: State, wanted: State) -> State:
    """Say which state a task takes when somebody found out `wanted` about it.

    Two notebooks may watch one task: who comes later with older news changes nothing.

    Raises
    ------
    ValueError
        No order of events leads there.

    Examples
    --------
    >>> become(State.SENDING, State.ACCEPTED), become(State.DONE, State.RUNNING)
    (<State.ACCEPTED: 'accepted'>, <State.DONE: 'done'>)
    """
    if wanted is now or wanted in FOLLOWS[now]:
        return wanted
    if now in _LATER and wanted in {_S.RUNNING, *_LATER}:
        return now
    raise ValueError(f"a task that is {now} cannot become {wanted}")


def truth(state: State, *, alive: bool, expired: bool) -> State:
    """Correct what a process left behind that was killed, and what time has overtaken.

    Examples
    --------
    >>> truth(State.SENDING, alive=False, expired=False)
    <State.UNKNOWN: 'unknown'>
    """
    match state:
        case State.PLANNED if not alive:
            return State.STOPPED
        case State.SENDING if not alive:
            return State.UNKNOWN
        case State.ACCEPTED | State.RUNNING if expired:
            return State.EXPIRED
        case _:
            return state


class Earlier(Enum):
    """What an earlier task of the very same request means for a new one."""

    NOTHING = "begin anew"
    WAIT = "somebody is sending it right now"
    RESUME = "it is paid for: take it up"
    ASK = "it may be paid for: a person must decide"
    REPEAT = "it may be paid for, and the service knows a repetition by its key"


def earlier(state: State, *, idempotent: bool, askable: bool) -> Earlier:
    """Decide what to do about an earlier task; `askable` is one the service should still have.

    Examples
    --------
    >>> earlier(State.UNKNOWN, idempotent=False, askable=False)
    <Earlier.ASK: 'it may be paid for: a person must decide'>
    """
    match state:
        case State.PLANNED | State.SENDING:
            return Earlier.WAIT
        case State.ACCEPTED | State.RUNNING:
            return Earlier.RESUME
        case State.FETCHED | State.DONE:
            return Earlier.RESUME if askable else Earlier.NOTHING
        case State.UNKNOWN:
            return Earlier.REPEAT if idempotent and askable else Earlier.ASK
        case State.FAILED | State.EXPIRED | State.STOPPED:
            return Earlier.NOTHING


@dataclass(frozen=True)
class Event:
    """News of a task for whoever watches it.

    Attributes
    ----------
    state : str
        ``sending``, ``queued``, ``running``, ``fetching``, ``cached``, ``waiting to retry``, ... or the service's word.
    job_id : str
        Our id of the task that is watched; not the one asked for when an earlier task was taken up.
    progress : float or None
        Fraction done of this state, 0 to 1.
    step : str
        What the service says it is doing.
    ticket : str
        Id of the task at the service.
    detail : str
        Why, one sentence.
    requests : int
        HTTP requests so far.
    pause : float
        Seconds until something happens again, when we wait for a reason.
    """

    state: str
    job_id: str = ""
    progress: float | None = None
    step: str = ""
    ticket: str = ""
    detail: str = ""
    requests: int = 0
    pause: float = 0.0


class Left(Enum):
    """How much of a request is out when its exchange broke."""

    NOTHING = "nothing left"
    PART = "it was cut while it was being sent"
    WHOLE = "it left whole"


@dataclass(frozen=True)
class Lost:
    """An exchange that ended without an answer."""

    why: str
    left: Left = Left.WHOLE


@dataclass(frozen=True)
class Nonsense:
    """An answer that cannot be read."""

    error: ProtocolError


Said: TypeAlias = Outcome | Lost | Nonsense


@dataclass(frozen=True)
class Terms:
    """What deciding needs to know of a job.

    Attributes
    ----------
    job_id, who, cost : str
        For messages.
    free : bool
        Nothing can be paid: a lost answer costs nothing.
    idempotent : bool
        The service recognises a repetition by its key.
    service : str
        Its name in commands.
    """

    job_id: str
    who: str
    cost: str = "unknown"
    free: bool = False
    idempotent: bool = False
    service: str = ""


@dataclass(frozen=True)
class Track:
    """There is a task: follow it; `outcome` is what the first answer already said."""

    ticket: str
    outcome: Outcome


@dataclass(frozen=True)
class Repeat:
    """Send again after a pause. `state` is the truth meanwhile, `error` is raised when there is no time left."""

    error: RetouchError
    state: State


@dataclass(frozen=True)
class Keep:
    """The task is not over; `trouble` says why nothing was learnt this time, empty when something was."""

    pending: Pending | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Stop:
    """It ends here with an error; `state` is None when the task itself goes on and can be resumed."""

    error: RetouchError
    state: State | None


TRIES: Final = 4
"""How often a request that starts a task is sent at most, where sending again is safe."""


def after_submit(said: Said, terms: Terms, *, nth: int) -> Track | Repeat | Stop:
    """Decide what the `nth` answer (from 1) to a request that starts a task leads to.

    Repeating is allowed only where the request provably never left, the service says it did not take it, or it
    knows the repetition by its key. Everything else without a clear answer is unknown, and stays so.
    """
    match said:
        case Accepted(ticket=ticket) if ticket:
            return Track(ticket, said)
        case Pending(ticket=ticket) if ticket:
            return Track(ticket, said)
        case Finished(ticket=ticket):
            return Track(ticket, said)
        case Nonsense(error=error) if error.ticket:
            return Track(error.ticket, Pending("accepted"))
        case Refused(error=error, passing=True, untouched=True) if nth < TRIES:
            return Repeat(error, State.PLANNED)
        case Refused(error=error, untouched=True):
            return Stop(error, State.FAILED)
        case Refused(error=ServiceError(ticket=ticket)) if ticket:
            return Track(ticket, Pending("accepted"))
        case Refused(error=error):
            return _in_doubt(error.what, terms, nth=nth, left=Left.WHOLE)
        case Lost(why=why, left=Left.NOTHING):
            error = unreachable(why, terms)
            return Repeat(error, State.PLANNED) if nth < TRIES else Stop(error, State.STOPPED)
        case Lost(why=why, left=left):
            return _in_doubt(why, terms, nth=nth, left=left)
        case Nonsense(error=error):
            return _in_doubt(error.what, terms, nth=nth, left=Left.WHOLE)
        case _:
            return _in_doubt("The answer names no task.", terms, nth=nth, left=Left.WHOLE)


def _in_doubt(why: str, terms: Terms, *, nth: int, left: Left) -> Repeat | Stop:
    if terms.free:
        return Stop(_broken(why, terms), State.FAILED)
    what = sentence(f"sent to {terms.who}, and the answer was lost: {why}")
    error = unknown_outcome(what, terms, left=left)
    if terms.idempotent and nth < TRIES:
        return Repeat(error, State.SENDING)
    return Stop(error, State.UNKNOWN)


MOST_NONSENSE: Final = 5
"""How many unreadable answers in a row are put down to gateways before we give up asking."""


def after_poll(said: Said, terms: Terms, *, ticket: str, nonsense: int) -> Keep | Finished | Stop:
    """Decide what an answer about a running task leads to; only the service's own word ends a task."""
    match said:
        case Finished():
            return said
        case Pending():
            return Keep(said)
        case Accepted():
            return Keep(Pending("running"))
        case Lost(why=why):
            return Keep(trouble=why)
        case Refused(error=error, passing=True):
            return Keep(trouble=error.what)
        case Refused(error=TaskFailedError() as error):
            return Stop(error, State.FAILED)
        case Refused(error=ResultExpiredError() as error):
            return Stop(error, State.EXPIRED)
        case Refused(error=error):
            return Stop(resumable(error, terms, ticket), None)
        case Nonsense(error=error):
            if nonsense < MOST_NONSENSE:
                return Keep(trouble=error.what)
            return Stop(resumable(error, terms, ticket), None)


def unreachable(why: str, terms: Terms) -> UnreachableError:
    """Say that nothing left."""
    return UnreachableError(
        sentence(f"{terms.who} could not be reached: {why}"),
        advice="Nothing was sent and nothing was paid; run it again.",
    )


def unknown_outcome(
    what: str, terms: Terms, *, left: Left = Left.WHOLE, earlier: bool = False
) -> UnknownOutcomeError:
    """Say that it may have been paid, and the three ways to go on; `earlier` tells that nothing was sent this time."""
    chance = (
        "The upload was not complete, so most likely nothing was taken"
        if left is Left.PART
        else f"It may have been taken and paid (cost: {terms.cost})"
    )
    return UnknownOutcomeError(
        what,
        advice=f"{chance}; it is not sent again by itself. Look: {f'%retouch_nb balance {terms.service}'.strip()}. "
        f"Take it for lost: %retouch_nb forget {terms.job_id}. Send and pay again: --fresh (fresh=True).",
        job_id=terms.job_id,
        earlier=earlier,
    )


def _broken(why: str, terms: Terms) -> ServiceError:
    return ServiceError(
        sentence(f"{terms.who} broke off: {why}"),
        advice="Nothing was paid; run it again.",
        provider=terms.who,
    )


def sentence(words: str) -> str:
    """Begin large and end with one full stop.

    Examples
    --------
    >>> sentence("the embedded engine broke off: no answer in time.")
    'The embedded engine broke off: no answer in time.'
    """
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def resumable(error: RetouchError, terms: Terms, ticket: str) -> RetouchError:
    """Add to an error that the task itself goes on, and how to take it up."""
    return error.with_advice(f"{error.advice} {how_to_resume(terms, ticket)}".strip())


def how_to_resume(terms: Terms, ticket: str) -> str:
    """Say how a task is taken up again."""
    named = f" (its id there: {ticket})" if ticket else ""
    return (
        f"The task stays at {terms.who}{named}; take it up with %retouch_nb resume {terms.job_id}."
    )
