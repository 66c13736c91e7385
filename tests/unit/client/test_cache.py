import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch_nb.client.cache import ABANDONED, ROOM, Cache, Kept
from retouch_nb.client.download import PARTIAL, Seen, land, look
from retouch_nb.errors import HomeError
from retouch_nb.photo import Photo


def picture(shade: int) -> bytes:
    """Encode a small picture."""
    return Photo.open(np.full((30, 40, 3), shade, np.uint8)).data


def put(cache: Cache, identity: str, data: bytes) -> Kept:
    """Put bytes into a cache as the client does."""
    landed = land(data, cache.folder)
    seen = look(landed.path, ("picture", "zip"))
    assert isinstance(seen, Seen)
    return cache.put(identity, landed, seen)


@pytest.fixture
def cache(home: Path, moment: Any) -> Cache:
    """Give a cache on the test's clock."""
    return Cache(home / "cache", clock=moment)


def test_what_was_put_is_got(cache: Cache) -> None:
    """The same bytes come back, opened and checked."""
    kept = put(cache, "aaaa", picture(10))
    found = cache.get("aaaa")
    assert found is not None
    assert found.path == kept.path
    assert found.path.read_bytes() == picture(10)
    assert found.photo is not None
    assert found.photo.size == (40, 30)
    assert cache.get("bbbb") is None


def test_another_process_finds_it(cache: Cache, home: Path) -> None:
    """The folder is the index."""
    put(cache, "aaaa", picture(10))
    assert Cache(home / "cache").get("aaaa") is not None


def test_the_newest_result_of_a_request_is_given(cache: Cache) -> None:
    """A request made anew has two results; each is still found by its own digest."""
    old = put(cache, "aaaa", picture(10))
    os.utime(old.path, (1, 1))
    new = put(cache, "aaaa", picture(20))
    assert (found := cache.get("aaaa")) is not None
    assert found.digest == new.digest
    assert (found := cache.get("aaaa", digest=old.digest)) is not None
    assert found.digest == old.digest


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b"", lambda b: b + b"x", lambda b: b"<html>"]
)
def test_a_broken_file_is_dropped(cache: Cache, damage: Any) -> None:
    """Bytes that are not those of the name are never handed out, and make room."""
    kept = put(cache, "aaaa", picture(10))
    kept.path.write_bytes(damage(kept.path.read_bytes()))
    assert cache.get("aaaa") is None
    assert not kept.path.exists()


def test_what_was_not_used_for_longest_goes_first(cache: Cache, moment: Any) -> None:
    """Looking at a result keeps it; the newest stays in any case."""
    size = len(picture(1))
    cache.most_bytes = 3 * size + size // 2
    for n in range(3):
        moment.now += 1
        put(cache, f"{n}", picture(n + 1))
    moment.now += 1
    cache.get("0")
    moment.now += 1
    put(cache, "3", picture(4))
    assert [cache.get(f"{n}") is not None for n in range(4)] == [True, False, True, True]
    cache.most_bytes = 0
    put(cache, "4", picture(5))
    assert cache.get("4") is not None
    assert cache.size() == len(picture(5))


def test_clearing_spares_what_is_just_arriving(cache: Cache) -> None:
    """Somebody's download goes on while the cache is cleared."""
    put(cache, "aaaa", picture(1))
    landed = land(picture(2), cache.folder)
    cache.clear()
    assert cache.size() == 0
    assert landed.path.exists()


def test_files_of_a_killed_download_are_swept_away(cache: Cache, moment: Any) -> None:
    """After a day what never became whole is removed by the next process that puts something; what is fresh is left."""
    cache.check_room()
    old, new = cache.folder / f"{PARTIAL}old", cache.folder / f"{PARTIAL}new"
    for path, age in ((old, ABANDONED + 1), (new, 5)):
        path.write_bytes(b"half")
        os.utime(path, (moment.now - age,) * 2)
    put(cache, "bbbb", picture(2))
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_is_noticed_before_anything_is_sent(home: Path) -> None:
    """A result that could not be kept is not begun."""
    Cache(home, room=lambda folder: ROOM).check_room()
    with pytest.raises(HomeError, match="Nothing was sent"):
        Cache(home, room=lambda folder: ROOM - 1).check_room()


def test_files_of_others_beside_a_result_are_no_results(cache: Cache) -> None:
    """A copy that a backup or a synchronised folder puts there is neither handed out nor stumbled over."""
    kept = put(cache, "aaaa", picture(10))
    for name in (f"{kept.path.name}.bak", f"{kept.path.stem} (1)", "aaaa.x"):
        kept.path.with_name(name).write_bytes(b"?")
    kept.path.with_name("aaaa.x.y").mkdir()
    assert (found := cache.get("aaaa")) is not None
    assert found.digest == kept.digest


def test_a_file_that_cannot_be_removed_does_not_cost_the_new_one(home: Path, moment: Any) -> None:
    """Room is made as far as the system lets go of files: what was paid for is handed out in any case."""
    cache = Cache(home / "cache", most_bytes=1, clock=moment)
    (cache.folder / "zz" / "held.by.somebody").mkdir(parents=True)
    old = put(cache, "aaaa", picture(10))
    kept = put(cache, "bbbb", picture(20))
    assert kept.path.exists()
    assert not old.path.exists()


def test_clearing_says_what_it_cannot_remove(cache: Cache) -> None:
    """One error of ours, and not the system's."""
    (cache.folder / "zz" / "held.by.somebody").mkdir(parents=True)
    with pytest.raises(HomeError, match="zz"):
        cache.clear()
