"""Every parser of what strangers write gives a value or a `RetouchError`, whatever is fed to it.

The targets are those of ``make fuzz``; here hypothesis writes what has the right shape and the wrong content.
"""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retouch_nb.errors import RetouchError
from retouch_nb.layers.placement import Affine
from retouch_nb.marks import Box, Brush, Lasso
from retouch_nb.mask import Mask
from retouch_nb.strokes import Strokes
from tests.fuzz.targets import RESULT, SOUND, TARGETS, fed, zipped

NUMBERS = (
    st.integers(-5, 5)
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=True, allow_infinity=True)
)
WORDS = st.sampled_from(
    ["", "completed", "t-1", "https://r.example/a", "\x1b[2J", "\ud800", "a" * 900]
)
VALUES = st.recursive(
    NUMBERS | WORDS | st.none() | st.booleans() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "status",
        "data",
        "task_id",
        "id",
        "state",
        "progress",
        "image",
        "image_url",
        "err_message",
        "state_detail",
        "engine",
        "notes",
        "message",
        "error_code",
        "error_detail",
        "code",
        "code_message",
        "request_id",
        "reason",
        "pluginName",
        "currentStep",
        "attempt",
        "maxAttempts",
        "retouchQuota",
    ]
)
BODIES = st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=5) | VALUES, max_size=6)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)
LIMITED = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with_is_read(name: str) -> None:
    """A target that refused its own seeds would find nothing; every one of them reads most of what is sound."""
    target, seeds = TARGETS[name]
    read = 0
    for seed in seeds:
        try:
            target(seed)
            read += 1
        except RetouchError:
            continue
    assert read >= len(seeds) / 3


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(pick=st.integers(0, 255), body=BODIES)
def test_answers(pick: int, body: dict[str, Any]) -> None:
    """Every service's answer with every status, of wrong types, sizes, depths and letters."""
    fed("answer", bytes([pick]) + json.dumps(body).encode())


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(TARGETS)), data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    """Nothing at all of the right shape."""
    fed(name, data)


@LIMITED
@given(
    name=st.sampled_from([name for name in sorted(TARGETS) if name != "result_json"]),
    pick=st.integers(0, 5),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 60),
)
def test_damage(name: str, pick: int, changes: list[tuple[int, int]], cut: int) -> None:
    """What is sound, with some bytes changed and the end cut off."""
    seeds = TARGETS[name][1]
    data = bytearray(seeds[pick % len(seeds)])
    for place, value in changes:
        data[place % len(data)] = value
    fed(name, bytes(data[: len(data) - cut]))


@LIMITED
@given(
    changes=st.dictionaries(st.sampled_from(["layers", "plugins"]), VALUES),
    record=st.dictionaries(st.sampled_from([*RESULT["plugins"][0], "faces"]), VALUES, max_size=3),
    face=VALUES,
)
def test_result_json(changes: dict[str, Any], record: dict[str, Any], face: Any) -> None:
    """What a layered result says of itself, with values of any type in any place."""
    told = {**RESULT, **changes}
    if "plugins" not in changes:
        known = RESULT["plugins"][0]
        told["plugins"] = [
            {**known, "faces": [{**known["faces"][0], "patchWidth": face}], **record}
        ]
    fed("result_json", json.dumps(told).encode())


@LIMITED
@given(names=st.lists(st.text(max_size=40), min_size=1, max_size=4, unique=True))
def test_names_in_a_zip(names: list[str]) -> None:
    """Names of any letters, and modes and plug-ins that are none."""
    layer = next(iter(SOUND.values()))
    try:
        data = zipped({f"{name}_blendmode={name}.png": layer for name in names})
    except (UnicodeEncodeError, ValueError):
        return
    fed("archive", data)


@LIMITED
@given(rows=st.lists(st.lists(NUMBERS | WORDS | st.none(), max_size=4), max_size=3) | VALUES)
def test_matrices(rows: Any) -> None:
    """A placement is finite and can be inverted, or refused."""
    try:
        placed = Affine.of(rows)
    except RetouchError:
        return
    assert all(map(math.isfinite, placed))
    left, top, right, bottom = placed.box((6, 4), (16, 12))
    assert 0 <= left <= 16
    assert 0 <= top <= bottom <= 12 or bottom < top
    assert right <= 16


@LIMITED
@given(
    written=st.lists(
        st.one_of(
            st.builds(partial, st.just(Brush), POINTS, width=NUMBERS),
            st.builds(partial, st.just(Box), NUMBERS, NUMBERS, NUMBERS, NUMBERS),
            st.builds(partial, st.just(Lasso), POINTS),
        ),
        max_size=3,
    )
)
def test_strokes(written: list[Callable[[], Any]]) -> None:
    """Marks written by hand draw a mask of their size, or are refused as they are made."""
    try:
        mask = Strokes((16, 12), [mark() for mark in written]).mask()
    except RetouchError:
        return
    assert mask.size == (16, 12)


@LIMITED
@given(
    st.recursive(NUMBERS | st.booleans(), lambda inner: st.lists(inner, max_size=3), max_leaves=9)
)
def test_masks(values: Any) -> None:
    """An array of anything is a mask of its shape, or refused."""
    try:
        mask = Mask.open(np.array(values, dtype=object if not isinstance(values, list) else None))
    except RetouchError:
        return
    except ValueError as error:
        assert "inhomogeneous" in str(error)  # numpy's own word on lists of several lengths
        return
    assert min(mask.size) > 0
