"""Files that appear whole or not at all: written beside their place, then moved there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path beside the target to write to, and move it there at the end, or leave nothing behind.

    The path is nobody else's: of two who write the same target, the last one wins, and neither fails.
    """
    partial = target.with_name(f".{uuid4().hex}.part")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(target: Path, data: bytes) -> Path:
    """Write a file of which no half is ever seen.

    Examples
    --------
    >>> import tempfile
    >>> write_whole(Path(tempfile.mkdtemp()) / "note.txt", b"all of it").read_bytes()
    b'all of it'
    """
    with replacing(target) as partial:
        partial.write_bytes(data)
    return target
