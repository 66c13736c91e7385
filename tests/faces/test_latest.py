"""Work that is asked for while it is done is done once more, not once for everybody who asked."""

from collections.abc import Callable

from retouch_nb.widgets.latest import Latest


def test_many_who_ask_meanwhile_are_served_once() -> None:
    """Three wishes during the work lead to one more time; afterwards it rests until somebody asks again."""
    done: list[int] = []
    waiting: list[Callable[[], None]] = []

    def work() -> None:
        done.append(len(done))
        if len(done) == 1:
            for _ in range(3):
                latest.ask()

    latest = Latest(work, start=waiting.append)
    latest.ask()
    assert (done, len(waiting)) == ([], 1)  # asking itself does nothing
    waiting.pop()()
    assert (done, waiting) == ([0, 1], [])
    latest.ask()
    waiting.pop()()
    assert done == [0, 1, 2]
