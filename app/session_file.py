"""A session as one file: JSON with the song in base64. What is read is hostile until every value has been checked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from arranger.errors import SongFileError
from arranger.files import song_from_bytes
from arranger.fills import apply_fill
from arranger.formats.midi_read import MAX_FILE_BYTES
from arranger.parts import PARTS, ROLES
from arranger.song import Song

from .fill_json import BadValue, fill_key, flag, mapping, number, read_fill, sequence, tell_fill, text, whole, word
from .session import MOST_EARLIER, MOST_KEPT, MOST_TAKES, VIEWS, Offer, Session
from .wishes import MOST_CHORDS, WAYS, WORDS, Wishes, ordered

KIND, VERSION = "arranger session", 1
SUFFIX = ".arranger"
MOST_BYTES = 2 * MAX_FILE_BYTES + 20_000_000
MOST_FILL_NOTES = 1_000_000
"""In all fills of a file together."""
_REMEDY = "Save the session again, or open the song itself."


def save_session(session: Session) -> bytes:
    """The session as the content of a file; the same session gives the same bytes."""
    wishes = asdict(session.wishes)
    document = {
        "kind": KIND,
        "version": VERSION,
        "name": session.name,
        "song": base64.b64encode(session.data).decode("ascii"),
        "roles": dict(session.roles),
        "kept": [tell_fill(one.fill) for one in session.kept],
        "at": session.at,
        "takes": [tell_fill(one.fill) for one in session.takes],
        "takes_for": list(session.takes_for),
        "chosen": session.chosen,
        "earlier": [tell_fill(one.fill) for one in session.earlier],
        "wishes": wishes,
        "view": session.view,
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def is_session(data: bytes) -> bool:
    """Whether a file says that it is a session."""
    head = data[:64].lstrip()
    return head.startswith(b"{") and b'"kind":"arranger session"' in data


def load_session(data: bytes, name: str) -> Session:
    """The session in a file.

    Raises
    ------
    SongFileError
        if it is none, is damaged, or holds what no session can.
    """
    if len(data) > MOST_BYTES:
        raise SongFileError(name, f"it is larger than {MOST_BYTES // 1_000_000} MB", None, _REMEDY)
    try:
        document = mapping(json.loads(data.decode("utf-8"), parse_constant=_no_constant), "the file")
    except (ValueError, RecursionError) as err:
        raise SongFileError(name, "it is no session, or a damaged one", None, _REMEDY) from err
    if document.get("kind") != KIND:
        raise SongFileError(name, "it is no session", None, _REMEDY)
    if document.get("version") != VERSION:
        problem = f"it was saved by another version (its format is {str(document.get('version'))[:20]})"
        raise SongFileError(name, problem, None, "Update arranger, or open the song itself.")
    try:
        found = _session(document)
    except (BadValue, RecursionError) as err:
        raise SongFileError(name, f"the session is damaged ({err})", None, _REMEDY) from err
    except SongFileError as err:
        raise SongFileError(name, f"its song can't be read ({err.problem})", err.place, err.remedy) from err
    return found


def _session(document: Mapping[str, Any]) -> Session:
    try:
        data = base64.b64decode(text(document.get("song"), "song", 2 * MAX_FILE_BYTES), validate=True)
    except ValueError as err:
        raise BadValue("song: it is not written in base64") from err
    name = text(document.get("name"), "name")
    song = song_from_bytes(data, name)
    budget = [MOST_FILL_NOTES]
    kept = _offers(document, "kept", MOST_KEPT, budget)
    takes = _offers(document, "takes", MOST_TAKES, budget)
    earlier = _offers(document, "earlier", MOST_EARLIER, budget)
    at = whole(document.get("at"), "at", 0, len(kept))
    stored = sequence(document.get("takes_for"), "takes_for", MOST_KEPT)
    takes_for = tuple(text(one, "takes_for") for one in stored)
    _check_fills(song, kept, takes, takes_for)
    roles = {
        text(key, "roles"): word(role, "roles", ROLES) for key, role in mapping(document.get("roles"), "roles").items()
    }
    if any(not key.isdecimal() or not 1 <= int(key[:6]) <= len(song.tracks) + MOST_KEPT * len(PARTS) for key in roles):
        raise BadValue("roles: no such track")
    return Session(
        name,
        data,
        roles,
        kept,
        at,
        takes,
        takes_for,
        whole(document.get("chosen"), "chosen", 0, MOST_TAKES),
        earlier,
        _wishes(document.get("wishes")),
        word(document.get("view"), "view", VIEWS),
    )


def _offers(document: Mapping[str, Any], name: str, most: int, budget: list[int]) -> tuple[Offer, ...]:
    found = []
    for at, stored in enumerate(sequence(document.get(name), name, most)):
        fill = read_fill(stored, f"{name} {at + 1}")
        budget[0] -= sum(len(one.notes) for one in fill.parts)
        if budget[0] < 0:
            raise BadValue(f"{name}: it holds more than {MOST_FILL_NOTES} notes")
        found.append(Offer(fill, fill_key(fill)))
    return tuple(found)


def _check_fills(song: Song, kept: Sequence[Offer], takes: Sequence[Offer], takes_for: tuple[str, ...]) -> None:
    """Refuse fills that the song, as it is when they come in, has no place for."""
    songs: dict[tuple[str, ...], Song] = {(): song}
    for at, one in enumerate(kept):
        _check_place(song, one, f"kept {at + 1}")
        song = apply_fill(song, one.fill)
        songs[tuple(each.key for each in kept[: at + 1])] = song
    if takes and takes_for not in songs:
        raise BadValue("takes_for: there is no such state of the song")
    for at, one in enumerate(takes):
        _check_place(songs[takes_for], one, f"takes {at + 1}")


def _check_place(song: Song, offer: Offer, place: str) -> None:
    fill = offer.fill
    if fill.bars[1] > len(song.bars):
        raise BadValue(f"{place}: the song has {len(song.bars)} bars")
    for one in fill.parts:
        tracks = [*one.removed_tracks, *([] if one.into_track is None else [one.into_track])]
        if any(index >= len(song.tracks) for index in tracks):
            raise BadValue(f"{place}: the song has {len(song.tracks)} tracks")
        if any(not fill.holds(song.bar_at(note.start)) or note.start >= song.bars[-1].end for note in one.notes):
            raise BadValue(f"{place}: it has notes outside its bars")


def _wishes(stored: Any) -> Wishes:
    entry = mapping(stored, "wishes")
    words = {
        word(part, "wishes", PARTS): {
            word(name, "wishes", WORDS): text(value, "wishes") for name, value in mapping(own, "wishes").items()
        }
        for part, own in mapping(entry.get("words"), "wishes").items()
    }
    temperature, swing = (
        None if entry.get(name) is None else number(entry[name], "wishes", 0, 4) for name in ("temperature", "swing")
    )
    parts = sequence(entry.get("parts"), "wishes", len(PARTS))
    sections = sequence(entry.get("sections"), "wishes", 500)
    return Wishes(
        ordered([word(one, "wishes", PARTS) for one in parts]),
        word(entry.get("way"), "wishes", WAYS),
        tuple(text(one, "wishes", 20) for one in sections),
        text(entry.get("bars"), "wishes", 2_000),
        whole(entry.get("takes"), "wishes", 1, MOST_TAKES),
        whole(entry.get("seed"), "wishes", 0, 1 << 40),
        number(entry.get("strength"), "wishes", 0, 1),
        text(entry.get("preset"), "wishes"),
        words,
        temperature,
        swing,
        text(entry.get("key"), "wishes"),
        text(entry.get("chords"), "wishes", MOST_CHORDS),
        text(entry.get("like"), "wishes"),
        number(entry.get("variation"), "wishes", 0, 1),
        flag(entry.get("human"), "wishes"),
        flag(entry.get("techniques"), "wishes"),
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of a session")


def open_any(data: bytes, name: str) -> Session:
    """A session from whatever was dropped: a song, or a session that was saved.

    Raises
    ------
    SongFileError
        if it is neither.
    """
    name = name[-120:] or "song"
    if is_session(data):
        return load_session(data, name)
    song = song_from_bytes(data, name)
    if not any(track.notes for track in song.tracks):
        problem = "there is not a single note in it"
        raise SongFileError(name, problem, None, "Open a song in which at least one track plays.")
    return Session(name, data)
