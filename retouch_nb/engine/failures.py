"""Why an accepted task did not end with a picture; each service has its own words and numbers for these causes."""

from enum import Enum


class Cause(Enum):
    """What went wrong, as far as every service tells it apart."""

    PROCESSING = "processing failed"
    STORAGE = "the result could not be stored"
    FETCH = "an address could not be downloaded"
    TOO_LARGE = "a picture is too large"
    BROKEN = "a picture cannot be read"
    TIMED_OUT = "processing took too long"
    CANCELLED = "cancelled"


class Failure(Exception):
    """The end of a task that has no result.

    Parameters
    ----------
    cause : Cause
        The class of failure.
    detail : str
        One sentence for the person who asked.
    """

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


class Misfit(Failure):
    """Readable inputs that do not belong together: refused at once where it is seen at once, else a failure."""

    def __init__(self, detail: str) -> None:
        super().__init__(Cause.PROCESSING, detail)
