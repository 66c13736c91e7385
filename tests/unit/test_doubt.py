import io

import pytest

from retouch_nb.doubt import Choice, ask_whoever_is_there, choose
from retouch_nb.errors import UnknownOutcomeError

EARLIER = UnknownOutcomeError("Sent before as j1.", job_id="j1", earlier=True)


class Person:
    """Types these answers and remembers the questions."""

    def __init__(self, *answers: str | BaseException) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("typed", "choice"),
    [("lost", Choice.LOST), (" AGAIN ", Choice.AGAIN), ("", None), ("y", None), ("agai", None)],
)
def test_only_a_whole_word_decides(typed: str, choice: Choice | None) -> None:
    """A slip of the finger, a bare Enter and a yes to another question pay nothing."""
    person = Person(typed)
    assert choose(EARLIER, ask=person, look=lambda: "") is choice
    assert all(word in person.asked[0] for word in ("Sent before as j1.", *Choice))


def test_a_look_is_followed_by_the_question_again() -> None:
    """The balance stands in the next question, as often as it is looked at."""
    balances = iter(["98 credits", "96 credits"])
    person = Person("look", "look", "again")
    assert choose(EARLIER, ask=person, look=lambda: next(balances)) is Choice.AGAIN
    assert ["98" in question for question in person.asked] == [False, True, False]
    assert "96 credits" in person.asked[2]


@pytest.mark.parametrize("nobody", [EOFError(), NotImplementedError("no input here")])
def test_where_nobody_can_answer_nothing_is_decided(nobody: BaseException) -> None:
    """papermill, CI and front ends without input get the error."""
    assert choose(EARLIER, ask=Person(nobody), look=lambda: "") is None
    assert choose(EARLIER, ask=None, look=lambda: "") is None


def test_what_has_just_been_lost_is_told_and_not_asked() -> None:
    """Only a request that meets an earlier one stops to ask."""
    person = Person("again")
    assert choose(UnknownOutcomeError("Lost.", job_id="j1"), ask=person, look=lambda: "") is None
    assert person.asked == []


def test_a_program_without_a_terminal_asks_nobody() -> None:
    """Its input is a pipe or a file, which must not be read for an answer."""
    with pytest.raises(EOFError):
        ask_whoever_is_there("?", stdin=io.StringIO("again"))
