"""A picture given by its address, and the names that files and addresses lend to photos."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from retouch_nb.errors import PictureError

LONGEST_NAME = 100


@dataclass(frozen=True)
class Link:
    """A picture given by its address: a service that can fetch it does so itself.

    Its size cannot be checked before the request; the address must be public.

    Examples
    --------
    >>> Link("https://example.org/cat.jpg").name
    'cat'
    >>> Link("ftp://example.org/cat.jpg")
    Traceback (most recent call last):
    ...
    retouch_nb.errors.PictureError: 'ftp://example.org/cat.jpg' is not an address a service can fetch. ...
    """

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PictureError(
                f"{self.url!r} is not an address a service can fetch.",
                advice="Give an http or https address, or download the picture and pass its path.",
            )
        if parts.username or parts.password:
            raise PictureError(
                "The picture's address carries a user name or password.",
                advice="Nothing was sent. Download the picture and pass its path.",
            )

    @property
    def name(self) -> str:
        """Last part of the path without its ending."""
        return called(Path(urlsplit(self.url).path).stem)

    @property
    def digest(self) -> str:
        """SHA-256 of the address: all that is known of the picture."""
        return hashlib.sha256(self.url.encode()).hexdigest()


def called(stem: str) -> str:
    r"""Make a name of a file's: to be shown on a terminal, written into a header and sent as UTF-8.

    Examples
    --------
    >>> called("Käthe 1"), called("a\x1b[2J\r\nX-Admin: 1"), called("\udcff")
    ('Käthe 1', 'a[2JX-Admin: 1', 'photo')
    """
    return "".join(c for c in stem if c.isprintable())[:LONGEST_NAME].strip() or "photo"


def is_link(source: object) -> bool:
    """Tell whether a source is a web address, or written as one."""
    return isinstance(source, Link) or (
        isinstance(source, str) and source.startswith(("http://", "https://", "ftp://"))
    )
