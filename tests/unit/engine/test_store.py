import os
import subprocess
import sys
from pathlib import Path

import pytest

from retouch_nb.engine.store import PREFIX, Product, Store

ROOT = Path(__file__).parents[3]
PICTURE = Product(b"bytes", "image/png", ".png", {"notes": ["n"]})


def test_a_product_is_found_by_its_name_with_all_that_was_said_of_it(tmp_path: Path) -> None:
    """What is put in comes out by its random name."""
    store = Store(tmp_path)
    stored = store.put(PICTURE)
    assert store.find(stored.path.name) is stored
    assert stored.path.read_bytes() == b"bytes"
    assert (stored.media_type, stored.size, stored.facts) == ("image/png", 5, {"notes": ["n"]})
    store.close()


def test_two_equal_products_have_different_long_names(tmp_path: Path) -> None:
    """A name says nothing about its content and cannot be guessed."""
    store = Store(tmp_path)
    names = {store.put(PICTURE).path.stem for _ in range(20)}
    assert len(names) == 20
    assert all(len(name) >= 32 for name in names)
    store.close()


def test_nothing_is_on_disk_before_the_first_product(tmp_path: Path) -> None:
    """An engine that is never used leaves no trace, not even for a moment."""
    Store(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Other users of the machine cannot read results."""
    store = Store(tmp_path)
    assert store.put(PICTURE).path.parent.stat().st_mode & 0o777 == 0o700
    store.close()


def test_dropping_removes_the_file_and_its_bytes_from_the_size(tmp_path: Path) -> None:
    """A dropped result is gone from the disk, too."""
    store = Store(tmp_path)
    stored, kept = store.put(PICTURE), store.put(PICTURE)
    store.drop(stored)
    store.drop(stored)
    assert not stored.path.exists()
    assert store.find(stored.path.name) is None
    assert store.size == kept.size == 5
    store.close()


def test_closing_removes_the_folder_and_takes_no_more(tmp_path: Path) -> None:
    """A worker that is late cannot bring the folder back."""
    store = Store(tmp_path)
    store.put(PICTURE)
    store.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="closed"):
        store.put(PICTURE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no lock that dies with a process")
def test_the_folder_of_a_killed_process_goes_with_the_next_engine(tmp_path: Path) -> None:
    """A crash leaves files only until the next engine starts; a living engine's files stay."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from retouch_nb.engine.store import Product, Store\n"
        "Store(Path(sys.argv[1])).put(Product(b'x', 'image/png', '.png'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    living = Store(tmp_path)
    kept = living.put(PICTURE)
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
    newcomer = Store(tmp_path)
    newcomer.put(PICTURE)
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 2
    assert kept.path.exists()
    living.close()
    newcomer.close()
