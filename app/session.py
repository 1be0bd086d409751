"""One user's work: a song, what was written into it, and what is on offer. Immutable; every step makes a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from arranger.files import song_from_bytes
from arranger.fills import Fill, apply_fill
from arranger.song import Song

from .fill_json import fill_key
from .wishes import Wishes

VIEWS = ("song", "part", "takes", "save", "refine")
MOST_KEPT, MOST_TAKES, MOST_EARLIER = 100, 64, 64


@dataclass(frozen=True)
class Offer:
    """A take with the key that names it."""

    fill: Fill
    key: str


@dataclass(frozen=True)
class Session:
    """Everything that one user has.

    Parameters
    ----------
    name, data : the song's file. roles : track number from 1, as text -> what the user says it plays.
    kept : takes that were kept, in order; the first `at` of them are in the song, the rest can be redone.
    takes : on offer, best first, for the song as it was when they were written (`takes_for`). chosen : the one shown.
    earlier : offers before those, oldest first. view : of `VIEWS`, the page that is open.
    """

    name: str
    data: bytes = field(repr=False)
    roles: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[Offer, ...] = ()
    at: int = 0
    takes: tuple[Offer, ...] = ()
    takes_for: tuple[str, ...] = ()
    chosen: int = 0
    earlier: tuple[Offer, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    view: str = "song"

    @property
    def state(self) -> tuple[str, ...]:
        """Keys of what is in the song: the same for the same song."""
        return tuple(one.key for one in self.kept[: self.at])

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Takes that are for the song as it is now."""
        return self.takes if self.takes_for == self.state else ()

    @property
    def offer(self) -> Offer | None:
        """The take that is shown."""
        return self.offers[min(self.chosen, len(self.offers) - 1)] if self.offers else None

    def song(self) -> Song:
        """The song as it is now. SongFileError if the file can't be read."""
        found = read_song(self.data, self.name)
        for one in self.kept[: self.at]:
            found = apply_fill(found, one.fill)
        return found


@lru_cache(maxsize=8)
def read_song(data: bytes, name: str) -> Song:
    """A song from its bytes, read once for some while."""
    return song_from_bytes(data, name)


def offered(session: Session, fills: Sequence[Fill], made_for: tuple[str, ...]) -> Session:
    """The session with new takes; those before them are remembered."""
    takes = tuple(Offer(fill, fill_key(fill)) for fill in fills[:MOST_TAKES])
    earlier = (*session.earlier, *session.takes)[-MOST_EARLIER:]
    return replace(session, takes=takes, takes_for=made_for, chosen=0, earlier=earlier)


def keep(session: Session) -> Session:
    """The session with the shown take in the song; what could be redone is gone."""
    if session.offer is None or session.at >= MOST_KEPT:
        return session
    return replace(session, kept=(*session.kept[: session.at], session.offer), at=session.at + 1)


def undo(session: Session) -> Session:
    return replace(session, at=max(0, session.at - 1))


def redo(session: Session) -> Session:
    return replace(session, at=min(len(session.kept), session.at + 1))
