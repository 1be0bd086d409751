"""The way back from playing order to repeat signs: what a score would have to say to be played like that.

A Song keeps the order in which its bars are played, not the signs that made it. Writers of formats with repeat signs
ask here for signs, and get some only if playing them gives the very same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from arranger.playing import BarFlow, playing_order

Player = Callable[[Sequence[BarFlow]], tuple[int, ...]]


def flows_of(order: Sequence[int], bars: int, player: Player = playing_order) -> tuple[BarFlow, ...] | None:
    """Signs for `bars` bars that are played in `order`, or None where simple ones can't say it.

    Parameters
    ----------
    order : bars as they are played; empty for each once, as they stand.
    player : how the reader of the signs will play them.

    Sections with endings, and one jump at the end, are tried: from the start or from a sign, to the end or to a fine.
    """
    if not order:
        return (BarFlow(),) * bars
    if max(order) >= bars:
        return None
    tried: list[tuple[BarFlow, ...] | None] = [_sections(order, bars)]
    for at in range(len(order) - 1, 0, -1):
        if order[at] <= order[at - 1]:  # the last way back may be a jump instead of a repeat
            tried.append(_with_jump(order, at, bars))
            break
    for flows in tried:
        if flows is not None and player(flows) == tuple(order):
            return flows
    return None


def _sections(order: Sequence[int], bars: int) -> tuple[BarFlow, ...]:
    """Every way back taken for a repeat; the ways back to one bar, one after the other, are passes of one section."""
    flows = [BarFlow()] * bars
    passes = _passes(order)
    at = 0
    while at < len(passes):
        first = passes[at + 1][0] if at + 1 < len(passes) else -1
        last = at
        while last + 1 < len(passes) and passes[last + 1][0] == first:
            last += 1
        if last > at:
            _mark(flows, first, passes[at : last + 1])
        at = max(last, at + 1)
    return tuple(flows)


def _passes(order: Sequence[int]) -> list[list[int]]:
    """The order cut at every way back."""
    passes: list[list[int]] = []
    for at, bar in enumerate(order):
        if not at or bar <= order[at - 1]:
            passes.append([])
        passes[-1].append(bar)
    return passes


def _mark(flows: list[BarFlow], first: int, passes: Sequence[Sequence[int]]) -> None:
    closings = {run[-1] for run in passes[:-1]}
    end = max(closings) + 1
    played = [{bar for bar in run if first <= bar} for run in passes]
    flows[first] = replace(flows[first], opens=True)
    for bar in range(first, end):
        within = frozenset(number for number, run in enumerate(played, 1) if bar in run)
        if len(within) < len(passes):
            flows[bar] = replace(flows[bar], endings=within)
    for bar in closings:
        # Of several closing bars each is passed once; a single one as often as there are passes but one.
        flows[bar] = replace(flows[bar], repeats=len(passes) if len(closings) == 1 else 2)
    if end < len(flows) and flows[end - 1].endings:
        # The ending that isn't repeated has its number too, as far as its bars are played in that pass alone.
        flows[end] = replace(flows[end], endings=frozenset({len(passes)}))


def _with_jump(order: Sequence[int], at: int, bars: int) -> tuple[BarFlow, ...] | None:
    """Repeats up to place `at` of the order, there a jump back, and from there the bars once each."""
    target, source = order[at], order[at - 1]
    rest = order[at:]
    if list(rest) != list(range(target, target + len(rest))):
        return None
    flows = list(_sections(order[:at], bars))
    jump = "da segno" if target else "da capo"
    if target:
        flows[target] = replace(flows[target], targets=flows[target].targets | {"segno"})
    if rest[-1] != bars - 1:
        flows[rest[-1]] = replace(flows[rest[-1]], targets=flows[rest[-1]].targets | {"fine"})
        jump += " al fine"
    flows[source] = replace(flows[source], jump=jump)
    return tuple(flows)
