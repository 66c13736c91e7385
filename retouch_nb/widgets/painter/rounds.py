"""A round on its way: what is said of the job while it runs, and what it leaves behind."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retouch_nb.edit import Edit
from retouch_nb.errors import RetouchError
from retouch_nb.job import Job
from retouch_nb.widgets.painter.history import Step
from retouch_nb.widgets.progress import Paced

if TYPE_CHECKING:
    from retouch_nb.client import Event


class Watch:
    """Follows a job that a painter started.

    Attributes
    ----------
    job : Job
    step : Step
        What was asked for.
    news : dict
        What the browser shows: title, state, progress, stop word.
    edit : Edit or None
        The result, in the end.
    trouble : str
        Or why there is none.
    """

    def __init__(
        self,
        job: Job,
        step: Step,
        *,
        tell: Callable[[], None],
        over: Callable[["Watch"], None],
    ) -> None:
        self.job = job
        self.step = step
        self.edit: Edit | None = None
        self.trouble = ""
        self.news: dict[str, Any] = {"title": job.title, "stop": job.stop_word, "state": "starting"}
        self._tell = tell
        self._over = over
        self._paced = Paced(self)

    def start(self) -> None:
        """Begin to follow."""
        self._tell()
        self.job.watch(self._paced.show)
        threading.Thread(target=self._wait, name="retouch_nb round", daemon=True).start()

    def show(self, event: "Event") -> None:
        """Note an event; called at a pace a browser can follow."""
        self.news = {
            **self.news,
            "state": event.step or event.state,
            "progress": event.progress,
        }
        self._tell()

    def close(self, html: str | None, text: str) -> None:
        """Say no more."""

    def _wait(self) -> None:
        try:
            self.edit = self.job.outcome()
        except RetouchError as error:
            self.trouble = " ".join(filter(None, [error.what, error.advice]))
        except Exception as error:  # whatever it is, it belongs into the widget
            self.trouble = f"{type(error).__name__}: {error}"
        self._paced.close(None, "")
        self._over(self)
