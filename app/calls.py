"""What the pages ask of `arranger`: a session in, plain values or fills out. No streamlit, no music."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from arranger.charts import parse_chords
from arranger.cli.control_options import asked_bars, build_controls
from arranger.cli.inspect_command import inspect
from arranger.controls import Controls
from arranger.errors import FillRequestError
from arranger.filler import fill
from arranger.fills import Fill, apply_fill
from arranger.offered import onsets_of
from arranger.parts import Role, detect_parts
from arranger.pictures.canvas import THEMES, to_files
from arranger.pictures.marks import fill_marks
from arranger.pictures.roll import roll_figure
from arranger.song import Song
from arranger.variation import changed_share, vary

from .session import Session
from .wishes import VARY, Wishes

Progress = Callable[[float], None]
BARS_SHOWN = 16
"""Of a piano roll at once."""


def overview(session: Session) -> dict[str, Any]:
    """What `arranger inspect` tells of the song as it is now."""
    return inspect(session.song(), dict(session.roles))


def asked_for(session: Session, song: Song) -> tuple[int, ...]:
    """Bars that the wishes name, from 0; empty for the whole song. FillRequestError if there are none such."""
    places = session.wishes.places
    return asked_bars(places, None, song) if places else ()


def controls_for(song: Song, wishes: Wishes) -> Controls:
    """Controls of a request. FillRequestError if something can't be meant so."""
    controls = build_controls(song, wishes.parts, wishes.asked())
    if wishes.chords.strip():
        controls = replace(controls, chords=parse_chords(wishes.chords))
    if wishes.like.strip():
        bars = asked_bars(wishes.like, None, song)
        if len(bars) != bars[-1] + 1 - bars[0]:
            raise FillRequestError("Play it like one run of bars, as in 5-8.")
        controls = replace(controls, like=(bars[0], bars[-1] + 1))
    return controls


def write(session: Session, progress: Progress, *, again: bool = False) -> list[Fill]:
    """Takes of what the session wishes for, best first.

    Parameters
    ----------
    again : takes that differ from all that this session was offered before.
    """
    wishes, song = session.wishes, session.song()
    if not wishes.parts:
        raise FillRequestError("No part is chosen; choose drums, bass or guitar.")
    only = asked_for(session, song)
    controls = controls_for(song, wishes)
    if wishes.way == VARY:
        return _variations(song, session, only, controls, progress, again)
    before = [
        {one.part: onsets_of(offer.fill, one.part) for one in offer.fill.parts}
        for offer in (*session.earlier, *session.takes)
        if tuple(one.part for one in offer.fill.parts) == wishes.parts
    ]
    return fill(
        song,
        wishes.parts,
        None,
        wishes.takes,
        wishes.seed + (len(before) if again else 0),
        mode=wishes.way,
        tracks=session.roles,
        only=only,
        controls=controls,
        avoid=before if again else [],
        progress=progress,
    )


def _variations(
    song: Song, session: Session, only: tuple[int, ...], controls: Controls, progress: Progress, again: bool
) -> list[Fill]:
    wishes = session.wishes
    if len(wishes.parts) != 1:
        raise FillRequestError("One part at a time can be varied; choose one.")
    seed = wishes.seed + (len(session.earlier) + len(session.takes) if again else 0)
    return vary(
        song,
        wishes.parts[0],
        None,
        wishes.strength,
        wishes.takes,
        seed,
        only=only,
        tracks=session.roles,
        controls=controls,
        progress=progress,
    )


def vary_take(session: Session, take: Fill, strength: float, progress: Progress) -> list[Fill]:
    """Variations of a take that is not in the song yet, each a take like it."""
    song = session.song()
    filled = apply_fill(song, take)
    wishes, following, varied = session.wishes, len(song.tracks), {}
    controls = Controls(human=wishes.human, techniques=wishes.techniques)
    seed = wishes.seed + len(session.earlier) + len(session.takes)
    for at, one in enumerate(take.parts):
        index = one.into_track
        if index is None:
            index, following = following, following + 1
        bars = tuple(sorted({song.bar_at(note.start) for note in one.notes}))
        varied[one.part] = vary(
            filled,
            one.part,
            None,
            strength,
            wishes.takes,
            seed,
            track=index,
            only=bars,
            tracks={**session.roles, str(index + 1): one.part},
            controls=controls,
            progress=_part_of(progress, at, len(take.parts)),
        )
    return [_as_take(take, {part: fills[at] for part, fills in varied.items()}) for at in _counted(varied)]


def _part_of(progress: Progress, at: int, count: int) -> Progress:
    """Progress of one of several parts, as progress of all."""
    return lambda share: progress((at + share) / count)


def _counted(varied: Mapping[str, list[Fill]]) -> range:
    """As many variations as every part has."""
    return range(min(len(fills) for fills in varied.values()))


def _as_take(take: Fill, varied: Mapping[str, Fill]) -> Fill:
    """The take with the notes of variations in it."""
    parts = tuple(replace(one, notes=varied[one.part].notes(one.part)) for one in take.parts)
    first = next(iter(varied.values()))
    score = sum(one.score for one in varied.values()) / len(varied)
    card = {part: dict(one.card.get(part, {})) for part, one in varied.items()}
    settings = {**take.settings, **first.settings}
    return replace(
        take, parts=parts, seed=first.seed, take=first.take, score=score, source="variation", card=card,
        settings=settings, distance=None,
    )  # fmt: skip


def changed(session: Session, take: Fill) -> float | None:
    """How much a variation of a part in the song changes, 0..1; None for any other take."""
    one = take.parts[0]
    if take.source != "variation" or one.into_track is None:
        return None
    return changed_share(session.song(), take, one.part)


def with_take(session: Session, take: Fill | None) -> tuple[Song, tuple[Role, ...]]:
    """The song with a take in it, and the roles of its tracks."""
    song = session.song()
    filled = song if take is None else apply_fill(song, take)
    new = [one.part for one in take.parts if one.into_track is None] if take else []
    roles = {**session.roles, **{str(len(song.tracks) + at + 1): part for at, part in enumerate(new)}}
    return filled, detect_parts(filled, roles)


def new_tracks(session: Session, take: Fill) -> tuple[int, ...]:
    """Tracks, from 0, of the song with the take in it that have notes from the take."""
    return tuple(sorted(fill_marks(session.song(), take)))


def roll_png(session: Session, take: Fill | None, bars: tuple[int, int], dark: bool) -> bytes:
    """A piano roll of some bars, the take's notes marked, as PNG."""
    song, roles = with_take(session, take)
    marks = fill_marks(session.song(), take) if take else {}
    (picture,) = to_files([roll_figure(song, roles, marks, bars, theme=THEMES["dark" if dark else "light"])], "png")
    return picture
