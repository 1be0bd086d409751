"""What a song lost on its way into another kind of file, found by reading back what was written."""

from __future__ import annotations

from collections import Counter

from arranger.song import Song, Track

_GRID = 960
"""Ticks a quarter in which songs of different resolution are compared."""
_NEAR = _GRID // 12
"""Notes that were moved by no more than this are told as moved, not as missing."""

_IN_MIDI = "Strings, frets and playing techniques (bends, slides, palm muting) have no place in MIDI."
_BEYOND = "Trills, strums, the tremolo bar, fingerings and chord diagrams are not carried over to another kind of file."
_TABS = ("gp3", "gp4", "gp5", "gpx", "gp")


def losses(song: Song, back: Song, kind: str) -> tuple[str, ...]:
    """Sentences on what `back`, read from the new file, lacks of `song`; `kind` is the kind of the new file."""
    told = []
    read = song.source.format if song.source else None
    if read in (*_TABS, "txt") or (
        read is None and any(note.fret is not None for t in song.tracks for note in t.notes)
    ):
        told.append(_IN_MIDI if kind == "mid" else _BEYOND)
    if kind != "mid":
        told += _techniques(song, back)
    told += _notes(song, back)
    told += _silent_tracks(song, back)
    told += _maps(song, back)
    if kind == "txt":
        told.append("DadaGP tokens have no loudness and no track names, and tempos in tens only.")
    return tuple(dict.fromkeys([*told, *back.warnings]))


def _techniques(song: Song, back: Song) -> list[str]:
    """One sentence on how notes are played there no more: which technique, and how often."""
    gone = _played(song) - _played(back)
    counts: Counter[str] = Counter()
    for (name, _, _), count in gone.items():
        counts[name] += count
    listing = ", ".join(
        f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    )
    return [f"Ways of playing that have no place there: {listing}."] if listing else []


def _played(song: Song) -> Counter[tuple[str, bool, int]]:
    """How often a (technique, is drums, pitch) is played; a drum key counts once a time."""
    played: Counter[tuple[str, bool, int]] = Counter()
    struck: set[tuple[str, int, int]] = set()
    for track in song.tracks:
        for note in track.notes:
            for name in note.techniques:
                if track.is_drum:
                    struck.add((name, note.pitch, note.start))
                else:
                    played[name, False, note.pitch] += 1
    return played + Counter((name, True, pitch) for name, pitch, _ in struck)


def _notes(song: Song, back: Song) -> list[str]:
    """One sentence for notes that are gone or came by, one for those that moved."""
    missing, extra = _heard(song), _heard(back)
    missing, extra = missing - extra, extra - missing
    moved = 0
    spare: dict[tuple[bool, int], list[int]] = {}
    for (drums, pitch, start), count in extra.items():
        spare.setdefault((drums, pitch), []).extend([start] * count)
    lost: Counter[int] = Counter()
    for (drums, pitch, start), count in missing.items():
        near = spare.get((drums, pitch), [])
        for _ in range(count):
            at = min(near, key=lambda other: abs(other - start), default=None)
            if at is not None and abs(at - start) <= _NEAR:
                near.remove(at)
                moved += 1
            else:
                lost[start] += 1
    added = sum(map(len, spare.values()))
    told = []
    if lost:
        first = song.bar_at(min(lost) * song.ticks_per_quarter // _GRID) + 1
        if added >= sum(lost.values()):
            told.append(f"{sum(lost.values())} notes have another pitch or place there, the first in bar {first}.")
        else:
            told.append(f"{sum(lost.values()) - added} notes could not be written, the first in bar {first}.")
    if moved:
        told.append(f"{moved} notes were moved to the nearest place that can be written there.")
    return told


def _heard(song: Song) -> Counter[tuple[bool, int, int]]:
    """(is drums, pitch, start on the common grid) of all notes; a drum key counts once a time."""
    heard: Counter[tuple[bool, int, int]] = Counter()
    for track in song.tracks:
        for note in track.notes:
            heard[track.is_drum, note.pitch, round(note.start * _GRID / song.ticks_per_quarter)] += 1
    return Counter({key: 1 if key[0] else count for key, count in heard.items()})


def _silent_tracks(song: Song, back: Song) -> list[str]:
    """Tracks without notes that the new file doesn't have."""

    def silent(tracks: tuple[Track, ...]) -> Counter[str]:
        return Counter(track.name for track in tracks if not track.notes)

    gone = silent(song.tracks) - silent(back.tracks)
    return (
        [f"Tracks without notes were left out: {', '.join(name or 'one without a name' for name in gone)}."]
        if gone
        else []
    )


def _maps(song: Song, back: Song) -> list[str]:
    told = []
    scale = _GRID / song.ticks_per_quarter, _GRID / back.ticks_per_quarter
    lengths = [
        [round(bar.length * factor) for bar in one.bars] for one, factor in zip((song, back), scale, strict=True)
    ]
    if lengths[0] != lengths[1][: len(lengths[0])]:
        told.append("Some bars have another length there.")
    if _differs([tempo.qpm for tempo in song.tempos], [tempo.qpm for tempo in back.tempos]):
        told.append("Tempos are rounded there, or some changes are left out.")
    names, kept = ({" ".join(marker.text.split()) for marker in one.markers} for one in (song, back))
    if names - kept - {""}:
        told.append("Some section names have no place there.")
    if song.keys and {(key.sharps, key.minor) for key in song.keys} - {(key.sharps, key.minor) for key in back.keys}:
        told.append("Key signatures are not carried over.")
    if song.feels and not back.feels:
        told.append("The swing feel is not carried over.")
    return told


def _differs(one: list[float], other: list[float]) -> bool:
    """True if the tempos of one map differ audibly from the other's, by more than half a percent."""
    return len(one) != len(other) or any(abs(a - b) > 0.005 * a for a, b in zip(one, other, strict=True))
