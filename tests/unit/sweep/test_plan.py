"""What a sweep would do is known before: calls, merges, cost, and all that is refused."""

from typing import Any

import pytest

from retouch_nb.errors import BudgetError, ParameterError, UnknownNameError
from retouch_nb.mask import Mask
from retouch_nb.photo import Photo
from retouch_nb.providers.picwish import Enhance, RetouchObject
from retouch_nb.providers.retouch4me import Retouch
from retouch_nb.sweep import laid_out
from tests.unit.sweep.conftest import Studio, Tuner


def test_a_plan_sends_nothing(tuner: Tuner, studio: Studio, enhancement: dict[str, Any]) -> None:
    """It counts the requests, and nobody has been asked for anything."""
    plan = tuner.plan(Enhance, enhancement)
    assert (plan.calls, plan.cached, studio.asked) == (4, 0, [])
    assert plan.price.credits == 0 and not tuner.session.jobs()


def test_what_is_cached_is_subtracted(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """Only what is missing counts as a call; fresh counts all again."""
    tuner.run(Enhance, {**enhancement, "type": ["face"]})
    assert (tuner.plan(Enhance, enhancement).calls, tuner.plan(Enhance, enhancement).cached) == (
        2,
        2,
    )
    assert tuner.plan(Enhance, enhancement, fresh=True).calls == 4


def test_strengths_without_effect_are_merged(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """PicWish ignores them unless the type is 1: three strengths of metal are one request, and that is said."""
    named = {"photo": photo, "mask": mask, "type": [1, 4], "retouch_strength": [0, 50, 100]}
    plan = tuner.plan(RetouchObject, named)
    assert (len(plan.requests), plan.calls, plan.merged) == (6, 4, 2)
    assert "2 tiles cannot differ" in plan.remarks[0] and "ignores" in plan.remarks[0]


def test_how_a_result_travels_makes_no_difference(tuner: Tuner, photo: Photo) -> None:
    """Two ways of delivery bring the same picture and are one call."""
    assert tuner.plan(Enhance, {"photo": photo, "sync": [False, True]}).calls == 1


def test_two_words_for_one_service_are_one(tuner: Tuner, photo: Photo) -> None:
    """``cloud`` and ``picwish`` ask the same maker, the embedded engine another."""
    plan = tuner.plan(Enhance, {"photo": photo}, ["local", "cloud", "picwish"])
    assert (plan.calls, plan.merged) == (2, 1)


def test_the_cost_of_all_is_added_up(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """Four small photos at two credits each; the note of the price stays."""
    price = tuner.plan(Enhance, enhancement, "picwish").price
    assert (price.credits, price.note) == (8, "estimate by the long side")


def test_one_unknown_price_makes_the_sum_unknown(tuner: Tuner) -> None:
    """And a cap then refuses, for nobody knows."""
    named = {"photo": "https://example.org/cat.jpg", "type": ["clean", "face"]}
    assert "cost unknown" in repr(tuner.plan(Enhance, named, "picwish"))
    with pytest.raises(BudgetError, match="is not documented"):
        tuner.grid(Enhance, named, "picwish", max_credits=100)


def test_the_cap_holds_for_the_whole(tuner: Tuner, enhancement: dict[str, Any]) -> None:
    """Seven credits are enough for any one request and not for four."""
    with pytest.raises(BudgetError, match="costs is 8 credits"):
        tuner.grid(Enhance, enhancement, "picwish", max_credits=7)
    tuner.grid(Enhance, enhancement, "picwish", max_credits=8)
    tuner.grid(Enhance, enhancement, "local", max_credits=0)


def test_very_many_requests_must_be_meant(tuner: Tuner, photo: Photo, mask: Mask) -> None:
    """More than 64 need a word, and the error says which."""
    named = {"photo": photo, "mask": mask, "retouch_strength": "0:100:1"}
    with pytest.raises(ParameterError, match="max_calls=101"):
        tuner.grid(RetouchObject, named)
    assert tuner.grid(RetouchObject, named, max_calls=101).plan.calls == 101


def test_more_tiles_than_can_be_looked_at_are_refused(
    tuner: Tuner, photo: Photo, mask: Mask
) -> None:
    """Before any of the combinations is made."""
    named = {
        "photo": photo,
        "mask": mask,
        "retouch_strength": range(101),
        "line_strength": range(101),
    }
    with pytest.raises(ParameterError, match="10,201 combinations"):
        tuner.plan(RetouchObject, named)


def test_a_combination_that_is_not_accepted_is_refused_at_once(tuner: Tuner, photo: Photo) -> None:
    """Binary delivery without sync is refused by the operation itself, before anything is sent."""
    with pytest.raises(ParameterError, match="works only together with --sync"):
        tuner.plan(Enhance, {"photo": photo, "return_type": [1, 3]})


def test_time_is_told_from_earlier_jobs(
    tuner: Tuner, photo: Photo, enhancement: dict[str, Any]
) -> None:
    """Unknown at first, then from what the journal knows of the same maker and operation."""
    assert tuner.plan(Enhance, enhancement).seconds is None
    tuner.run(Enhance, {"photo": photo, "scale_factor": [4]})
    assert tuner.plan(Enhance, enhancement).seconds is not None


def test_nothing_varied_is_no_sweep(photo: Photo) -> None:
    """It says what could be varied."""
    with pytest.raises(ParameterError, match=r"Nothing is varied.*type="):
        laid_out(Enhance, {"photo": photo, "type": "face"})


def test_what_is_required_is_asked_for(photo: Photo) -> None:
    """A mask that is missing is missed before anything else happens."""
    with pytest.raises(ParameterError, match="needs a mask"):
        laid_out(RetouchObject, {"photo": photo, "type": [1, 2]})


def test_an_unknown_parameter_is_guessed_at(photo: Photo) -> None:
    """With the nearest known name."""
    with pytest.raises(UnknownNameError, match="Did you mean 'type'"):
        laid_out(Enhance, {"photo": photo, "tipe": ["face"]})


def test_opacities_of_layers_are_one_request(tuner: Tuner, photo: Photo) -> None:
    """The strongest is sent once; the others are shares of its layer, and called an estimate."""
    named = {
        "photo": photo,
        "steps": "Dodge Burn 1.0",
        "layers": True,
        "Dodge Burn.Alpha1": "0:2:0.5",
    }
    plan = tuner.plan(Retouch, named)
    sent = {r.operation.submit().fields["payload"] for r in plan.requests.values()}
    assert plan.calls == 1 and len(sent) == 1 and '"Alpha1":2' in sent.pop()
    assert [r.opacities["Dodge Burn"] for r in plan.requests.values()] == [0, 0.25, 0.5, 0.75, 1]
    assert any("estimate" in remark for remark in plan.remarks)


def test_strengths_without_layers_are_requests(tuner: Tuner, photo: Photo) -> None:
    """Each one is sent as it is."""
    named = {"photo": photo, "steps": "Heal 1.0; Dodge Burn 1.0", "Dodge Burn.Alpha1": [0.5, 1]}
    plan = tuner.plan(Retouch, named)
    payloads = [r.operation.submit().fields["payload"] for r in plan.requests.values()]
    assert plan.calls == 2 and '"Alpha1":0.5' in payloads[0] and '"Alpha1":0.5' not in payloads[1]


def test_an_opacity_without_layers_is_refused(tuner: Tuner, photo: Photo) -> None:
    """A flat picture has none."""
    with pytest.raises(ParameterError, match="Only a layer has an opacity"):
        tuner.plan(Retouch, {"photo": photo, "steps": "Heal 1.0", "Heal.opacity": [0.5, 1]})
