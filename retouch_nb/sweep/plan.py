"""What a sweep would do, before it does anything: which requests, at what cost, in what time.

Combinations that cannot differ share one request, and that is decided by the requests themselves.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from html import escape
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from retouch_nb.contract import Operation, Price
from retouch_nb.errors import BudgetError, ParameterError
from retouch_nb.outlook import Outlook, counted
from retouch_nb.params import params
from retouch_nb.session import Session, check_restorable
from retouch_nb.sweep.axis import PROVIDER, Axis, Knob, knob

if TYPE_CHECKING:
    from retouch_nb.client import Forecast

MOST_CALLS: Final = 64
"""New requests that a sweep makes without being told that so many are meant."""
MOST_TILES: Final = 2_000
"""Tiles of one grid: more can neither be looked at nor held in a notebook."""
AT_ONCE: Final = 4
"""Jobs at once, when nothing else is said; a service's own pace holds beside it."""

Place: TypeAlias = tuple[int, ...]
"""Where a tile stands: its place on every axis."""


@dataclass(frozen=True)
class Request:
    """What one tile needs: a request, and what is done to its layers here.

    Attributes
    ----------
    operation : Operation
        Checked, and without options that have no effect.
    provider : str or None
        Who is asked, as in `Session.submit`.
    identity : str
        Equal for requests that bring the same result.
    opacities : mapping
        Opacity by name of layer, laid over the photo on this machine.
    estimate : bool
        The opacities stand for a strength that was not sent.
    asked : Operation or None
        The request with that strength, which would confirm the estimate.
    """

    operation: Operation
    provider: str | None
    identity: str
    opacities: Mapping[str, float] = field(default_factory=dict)
    estimate: bool = False
    asked: Operation | None = None

    @property
    def key(self) -> str:
        """Equal for tiles that show the same picture."""
        return f"{self.identity}{sorted(self.opacities.items()) or ''}"


@dataclass(frozen=True)
class Layout:
    """What is swept: an operation, what stays fixed, and the axes.

    Attributes
    ----------
    operation : type of Operation
    fixed : mapping
        Parameters of the operation that are the same in all tiles.
    axes : tuple of Axis
    provider : str or None
        Who is asked, when that is no axis.
    words : mapping
        What photos and masks are called in the notebook, by parameter.
    restore_outside : bool
        The original is put back outside the masks.
    """

    operation: type[Operation]
    fixed: Mapping[str, Any]
    axes: tuple[Axis, ...]
    provider: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    restore_outside: bool = False

    @cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """What each axis turns."""
        return tuple(knob(self.operation, axis.name, self.fixed) for axis in self.axes)

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(len(axis) for axis in self.axes)

    def places(self) -> Iterator[Place]:
        """Give every place, the last axis running fastest."""
        yield from itertools.product(*(range(len(axis)) for axis in self.axes))

    def values(self, place: Place) -> dict[str, Any]:
        """Give the values at a place by the name of the axis."""
        return {a.name: a.values[at] for a, at in zip(self.axes, place, strict=True)}

    def pictures(self, place: Place) -> dict[str, str]:
        """Give what photos and masks of a place are called in the notebook."""
        pictured = {one.name for one in self.knobs if one.param.picture}
        return {
            **self.words,
            **{n: label for n, label in self.labels(place).items() if n in pictured},
        }

    def labels(self, place: Place) -> dict[str, str]:
        """Give the labels at a place by the name of the axis."""
        return {a.name: a.labels[at] for a, at in zip(self.axes, place, strict=True)}

    def asked(self, place: Place) -> "Asked":
        """Make the checked request of a place, and say what is done to its layers here."""
        values = self.values(place)
        local = {k.name: (k.layer, _top(k, axis)) for k, axis in self._turned() if k.layer}
        sent = {**values, **{name: top for name, (_, top) in local.items()}}
        opacities: dict[str, float] = {}
        for name, (layer, top) in local.items():
            share = values[name] / top if top else 1.0
            opacities[layer] = opacities.get(layer, 1.0) * share
        estimate = any(knob.sent for knob, _ in self._turned() if knob.layer)
        return Asked(
            self._operation(sent),
            values.get(PROVIDER.name, self.provider),
            opacities,
            self._operation(values) if estimate else None,
        )

    def _turned(self) -> Iterator[tuple[Knob, Axis]]:
        yield from zip(self.knobs, self.axes, strict=True)

    def _operation(self, values: Mapping[str, Any]) -> Operation:
        plain = {
            k.name: values[k.name] for k in self.knobs if not k.inner and k.name != PROVIDER.name
        }
        settings = {k.name: values[k.name] for k in self.knobs if k.inner and k.sent}
        return self.operation(**self._with(settings, {**self.fixed, **plain}))

    def _with(self, settings: Mapping[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        """Put settings into the field that holds them."""
        within = self.operation.within
        if settings:
            declared = next(p for p in params(self.operation) if p.name == within)
            value = declared.read(fields.get(within, declared.default))
            for name, setting in settings.items():
                value = value.with_setting(name, setting)
            fields[within] = value
        return fields


def _top(knob: Knob, axis: Axis) -> float:
    """Give the value that is sent where the others are laid over the photo more thinly."""
    return float(max(axis.values)) if knob.sent else 1.0


@dataclass(frozen=True)
class Asked:
    """The request of one place, before it is known who answers it.

    Attributes
    ----------
    operation : Operation
    provider : str or None
    opacities : mapping
        By name of layer.
    confirms : Operation or None
        The request that would confirm what the opacities estimate.
    """

    operation: Operation
    provider: str | None
    opacities: Mapping[str, float]
    confirms: Operation | None


@dataclass(frozen=True, repr=False)
class Plan:
    """A sweep thought through; shows itself, and has sent nothing.

    Attributes
    ----------
    layout : Layout
    requests : mapping of Place to Request
        In the order of the tiles.
    forecasts : mapping of str to Forecast
        By identity of the request.
    concurrency : int
        Jobs at once.
    """

    layout: Layout
    requests: Mapping[Place, Request]
    forecasts: Mapping[str, "Forecast"]
    concurrency: int = AT_ONCE

    @classmethod
    def of(
        cls, layout: Layout, session: Session, *, fresh: bool = False, concurrency: int = AT_ONCE
    ) -> "Plan":
        """Check every combination and look up what is known of it; nothing is sent.

        Raises
        ------
        ParameterError, PictureError, UnknownNameError
            A combination is not accepted, or there are too many.
        """
        if layout.size > MOST_TILES:
            raise ParameterError(
                f"{layout.size:,} combinations are more than a grid can show ({MOST_TILES:,}).",
                advice="Nothing was sent. Take fewer values, or use rn.batch for many photos.",
            )
        requests: dict[Place, Request] = {}
        forecasts: dict[str, Forecast] = {}
        for place in layout.places():
            asked = layout.asked(place)
            operation = asked.operation.plain()
            if layout.restore_outside:
                check_restorable(operation)
            route = session.route(operation, asked.provider)
            route.check()
            identity = session.client.identity(operation, route)
            if identity not in forecasts:
                forecasts[identity] = session.client.foresee(operation, route, fresh=fresh)
            requests[place] = Request(
                operation,
                asked.provider,
                identity,
                asked.opacities,
                asked.confirms is not None,
                asked.confirms,
            )
        return cls(layout, requests, forecasts, concurrency)

    @cached_property
    def firsts(self) -> Mapping[str, Place]:
        """Where each different picture stands first, by the key of its request."""
        found: dict[str, Place] = {}
        for place, request in self.requests.items():
            found.setdefault(request.key, place)
        return found

    @cached_property
    def outlook(self) -> Outlook:
        """What all requests come to together."""
        return reduce(Outlook.plus, self.forecasts.values(), Outlook())

    @property
    def calls(self) -> int:
        """How many new requests it makes."""
        return self.outlook.calls

    @property
    def cached(self) -> int:
        """How many results are here already."""
        return self.outlook.cached

    @property
    def under_way(self) -> int:
        """How many tasks of earlier runs are taken up."""
        return self.outlook.under_way

    @property
    def merged(self) -> int:
        """How many tiles show the picture of another, because they cannot differ."""
        return len(self.requests) - len(self.firsts)

    @property
    def local(self) -> int:
        """How many different pictures are composited here from layers, without a request."""
        keys = {request.key for request in self.requests.values() if request.opacities}
        return len(keys)

    @property
    def price(self) -> Price:
        """What all new requests cost together; unknown when that of one is."""
        return self.outlook.price

    @property
    def seconds(self) -> float | None:
        """How long it will take about, from how long earlier jobs took; None where none is known."""
        return self.outlook.seconds(self.concurrency)

    def check(
        self, *, max_credits: int | None = None, max_calls: int = MOST_CALLS, spent: int = 0
    ) -> None:
        """Refuse to begin what the user does not allow; `spent` are the credits that the sweep has cost already.

        Raises
        ------
        BudgetError
            It may cost more than `max_credits` in all.
        ParameterError
            It makes more than `max_calls` new requests.
        """
        if self.calls > max_calls:
            raise ParameterError(
                f"This sweep makes {self.calls} new requests; {max_calls} are allowed.",
                advice=f"Nothing was sent. If so many are meant: max_calls={self.calls} (--max-calls {self.calls}).",
            )
        credits = self.price.credits
        over = credits is None or (credits > 0 and spent + credits > (max_credits or 0))
        if max_credits is not None and over:
            cost = "is not documented" if credits is None else f"is {self.price}"
            before = f", of which {spent} are spent" if spent else ""
            raise BudgetError(
                f"What this sweep costs {cost}; at most {max_credits} credits are allowed for the whole of it{before}.",
                advice="Nothing was sent. Take fewer values, raise the cap, or work free: --provider local.",
            )

    @property
    def facts(self) -> tuple[str, ...]:
        """Say in short parts what will happen."""
        tiles = counted(len(self.requests), "tile")
        return (tiles, *self.outlook.facts(self.concurrency))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say what may be worth knowing, each a sentence."""
        found = [*self._merges()]
        if any(request.estimate for request in self.requests.values()):
            found.append(
                f"{counted(self.local, 'picture')} composited here from layers, at no cost: an estimate of what the "
                "strengths would give."
            )
        return tuple(dict.fromkeys([*found, *self._warnings()]))

    def _warnings(self) -> Iterator[str]:
        for request in self.requests.values():
            yield from request.operation.warnings()

    def _merges(self) -> Iterator[str]:
        """Say what the tiles have in common that cannot differ."""
        if not self.merged:
            return
        why = ""
        for request in self.requests.values():
            idle = request.operation.idle()
            if idle:
                what = request.operation.options_text(" ").strip() or "these values"
                why = f" With {what} the service ignores {' and '.join(idle)}."
                break
        is_are = (
            "tile cannot differ from another and shares its picture"
            if self.merged == 1
            else "tiles cannot differ from others and share their pictures"
        )
        yield f"{self.merged} {is_are}.{why}"

    def __repr__(self) -> str:
        rows = [f"  {axis.name}: {', '.join(axis.labels)}" for axis in self.layout.axes]
        head = f"Plan for a sweep of {self.layout.operation.name}; a plan sends nothing: {' · '.join(self.facts)}"
        return "\n".join([head, *rows, *(f"  {remark}" for remark in self.remarks)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(axis.name)}</th>'
            f'<td style="text-align:left">{escape(", ".join(axis.labels))}</td></tr>'
            for axis in self.layout.axes
        )
        remarks = "".join(f"<div>{escape(remark)}</div>" for remark in self.remarks)
        return (
            f"<p><b>Plan for a sweep of {self.layout.operation.name}</b>; a plan sends nothing: "
            f"{escape(' · '.join(self.facts))}</p>"
            f'<table>{rows}</table><div style="font-size:12px;opacity:0.75">{remarks}</div>'
        )
