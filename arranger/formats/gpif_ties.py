"""Ties at the edges of bars that were written anew.

In GPIF a tie is said on both notes, `origin` on the first and `destination` on the second. Where one of them has gone,
the other must change; its bar, voice, beat and note are copied for that, because they may stand elsewhere too.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import quoteattr

from arranger.formats.gpif_bars import Key, NewVoice, Pool
from arranger.formats.gpif_text import ScoreText

Keys = frozenset[Key]
Ends = dict[int, Keys]
"""By voice (0-3): what it ends with."""


class Ties:
    """The ties of one staff; `bars` are the ids of its bars in the source, "-1" for none."""

    def __init__(self, text: ScoreText, bars: Sequence[str]):
        self.text, self.bars = text, bars

    def ends(self, bar: int) -> Ends:
        """What the voices of a bar of the source end with."""
        return {at: self._keys(self._edge(beats, -1)) for at, beats in self._voices(bar)}

    def mended(
        self,
        pool: Pool,
        written: Mapping[int, NewVoice],
        sounds: Callable[[int, Key], bool],
    ) -> dict[int, list[str]]:
        """New voices, by bar index, of bars that were not written anew but whose ties were.

        Parameters
        ----------
        written : the bars that were written anew, each in one voice.
        sounds : sounds(bar, key): whether, by the song, a note of this key goes on from the bar before into `bar`.
        """
        mended: dict[int, list[str]] = {}
        ends: dict[int, Ends] = {}  # of bars that are no more what they were

        for bar in range(len(self.bars)):
            if bar in written:
                ends[bar] = {0: written[bar].last}
                continue
            after = written.get(bar + 1)
            if bar - 1 not in ends and after is None:
                continue
            voices, changed = self._ids(self.text.element("Bars", self.bars[bar]), "Voices"), False
            last: Ends = {}
            before = self.ends(bar - 1) if bar - 1 in ends else {}
            for at, beats in self._voices(bar):
                dead: Keys = frozenset()
                loose: Keys = frozenset()
                if bar - 1 in ends:
                    now, was = ends[bar - 1].get(at, frozenset()), before.get(at, frozenset())
                    first = self._keys(self._edge(beats, 0), "destination")
                    dead = frozenset(key for key in first & was if key not in now or not sounds(bar, key))
                    loose = frozenset(key for key in first - was if key in now)
                held = None if after is None else after.held if at == 0 else frozenset()
                ids, last[at] = self._copied(pool, beats, dead, loose, held)
                if ids is not None:
                    voices[at] = str(pool.voice(ids))
                    changed = True
            if changed:
                mended[bar] = voices
                ends[bar] = last
        return mended

    def _copied(
        self, pool: Pool, beats: Sequence[str], dead: Keys, loose: Keys, held: Keys | None
    ) -> tuple[list[str] | None, Keys]:
        """(ids of the beats, None if all can stay as they are; what the voice ends with).

        Parameters
        ----------
        dead : ties from the bar before that fall silent.
        loose : notes that never held on to anything, and must not begin to.
        held : what the next bar goes on with; None if it is as it was.
        """
        ids: list[str] = []
        changed = False
        timed = [at for at, beat in enumerate(beats) if not self._is_grace(beat)]
        for at, beat in enumerate(beats):
            if at not in timed:
                ids.append(beat)
                continue
            element = self.text.element("Beats", beat)
            assert element is not None  # else it would not be timed
            notes, going = [], set()
            for number in self._ids(element, "Notes"):
                note = self.text.element("Notes", number)
                tie = None if note is None else note.find("Tie")
                if note is None or tie is None:
                    notes.append(number)
                    continue
                key, goes_on = _key(note), _true(tie, "destination")
                if goes_on and key in dead:
                    going.add(key)
                    continue
                struck = goes_on and at == timed[0] and key in loose
                ends = _true(tie, "origin") and at == timed[-1] and held is not None and key not in held
                if struck:
                    tie.set("destination", "false")
                if ends:
                    tie.set("origin", "false")
                notes.append(str(pool.add("Notes", *content(note))) if struck or ends else number)
            dead = frozenset(going)
            if notes != self._ids(element, "Notes"):
                changed = True
                _put_notes(element, notes)
                beat = str(pool.add("Beats", *content(element)))
            ids.append(beat)
        final = self._keys(beats[timed[-1]]) - dead if timed else frozenset()
        return (ids if changed else None), final

    # --- the source

    def _voices(self, bar: int) -> list[tuple[int, list[str]]]:
        """(number, beats) of the voices of a bar."""
        ids = self._ids(self.text.element("Bars", self.bars[bar]), "Voices")
        return [
            (at, self._ids(self.text.element("Voices", voice), "Beats"))
            for at, voice in enumerate(ids)
            if voice != "-1"
        ]

    def _edge(self, beats: Sequence[str], at: int) -> str | None:
        """The first (0) or last (-1) beat that takes time."""
        timed = [beat for beat in beats if not self._is_grace(beat)]
        return timed[at] if timed else None

    def _keys(self, beat: str | None, side: str = "") -> Keys:
        """Keys of the notes of a beat; with `side`, only of those that are tied on that side."""
        keys = set()
        for number in self._ids(self.text.element("Beats", beat), "Notes") if beat else ():
            note = self.text.element("Notes", number)
            if note is None:
                continue
            tie = note.find("Tie")
            if not side or (tie is not None and _true(tie, side)):
                keys.add(_key(note))
        return frozenset(keys)

    def _is_grace(self, beat: str) -> bool:
        """True for beats that take no time; also for those that are not there."""
        element = self.text.element("Beats", beat)
        return element is None or bool(element.findtext("GraceNotes", "").strip())

    @staticmethod
    def _ids(element: ET.Element | None, tag: str) -> list[str]:
        return [] if element is None else (element.findtext(tag) or "").split()


def _key(note: ET.Element) -> Key:
    values = {entry.get("name"): "".join(entry.itertext()).strip() for entry in note.iterfind("Properties/Property")}
    string, fret, tone, octave = (_whole(values.get(name, "")) for name in ("String", "Fret", "Tone", "Octave"))
    if "String" in values:
        return string, fret
    return (-1, 12 * octave + tone) if "Tone" in values else (-2, 0)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _true(tie: ET.Element, side: str) -> bool:
    return tie.get(side, "").lower() == "true"


def _put_notes(beat: ET.Element, notes: Sequence[str]) -> None:
    """Let a beat have these notes; without any it is a rest."""
    for old in beat.findall("Notes"):
        if notes:
            old.text = " ".join(notes)
        else:
            beat.remove(old)


def content(element: ET.Element) -> tuple[str, str]:
    """(what is in an element, its attributes but for the id), as text."""
    body = "".join(ET.tostring(child, encoding="unicode").strip() + "\n" for child in element)
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in element.attrib.items() if name != "id")
    return body, attributes
