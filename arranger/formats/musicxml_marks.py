"""What stands round the notes of a MusicXML bar: tempo, section names, repeats; and how a pitch is spelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from arranger.playing import BarFlow
from arranger.song import Bar, KeySignature, Song
from arranger.voices import VOICE_OF_KEY, VOICES

_LETTERS = "FCGDAEB"
_SIGNS = {"segno": "segno", "coda": "coda"}
_WORDS = {"da capo": "D.C.", "da segno": "D.S.", "da coda": "To Coda"}

_DRUM_PLACES = {
    "crash": ("A", 5, "x"),
    "ride": ("F", 5, "x"),
    "open hat": ("G", 5, "circle-x"),
    "closed hat": ("G", 5, "x"),
    "high tom": ("E", 5, ""),
    "mid tom": ("D", 5, ""),
    "low tom": ("A", 4, ""),
    "snare": ("C", 5, ""),
    "side stick": ("C", 5, "x"),
    "kick": ("F", 4, ""),
    "pedal hat": ("D", 4, "x"),
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Texts before, in front of and behind the notes of a bar."""

    left: str
    directions: str
    right: str


def bar_marks(song: Song, bar: Bar, flows: Sequence[BarFlow], divisions: int, first: bool) -> Marks:
    """Marks of one bar; repeats stand in every part, the rest in the first alone."""
    flow = flows[bar.index]
    before = flows[bar.index - 1].endings if bar.index else frozenset()
    after = flows[bar.index + 1].endings if bar.index + 1 < len(flows) else frozenset()
    numbers = ", ".join(map(str, sorted(flow.endings)))
    begins, ends = flow.endings and flow.endings != before, flow.endings and (flow.endings != after or flow.repeats)
    left = f'<ending number="{numbers}" type="start"/>' if begins else ""
    left += '<repeat direction="forward"/>' if flow.opens else ""
    right = f'<ending number="{numbers}" type="{"stop" if flow.repeats else "discontinue"}"/>' if ends else ""
    if flow.repeats:
        times = f' times="{flow.repeats}"' if flow.repeats > 2 else ""
        right += f'<repeat direction="backward"{times}/>'
    return Marks(
        f'<barline location="left">{left}</barline>\n' if left else "",
        "".join(_directions(song, bar, flow, divisions)) if first else "",
        ("".join(_jump(flow)) if first else "") + (f'<barline location="right">{right}</barline>\n' if right else ""),
    )


def _directions(song: Song, bar: Bar, flow: BarFlow, divisions: int) -> list[str]:
    lines = []

    def offset(tick: int) -> str:
        moved = round((tick - bar.start) * divisions / song.ticks_per_quarter)
        return f'<offset sound="yes">{moved}</offset>' if moved else ""

    for tempo in song.tempos:
        if bar.start <= tempo.tick < bar.end:
            qpm = f"{tempo.qpm:.4f}".rstrip("0").rstrip(".")
            lines.append(
                f'<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
                f"<per-minute>{round(tempo.qpm)}</per-minute></metronome></direction-type>{offset(tempo.tick)}"
                f'<sound tempo="{qpm}"/></direction>\n'
            )
    for marker in song.markers:
        if bar.start <= marker.tick < bar.end:
            text = escape("".join(char for char in marker.text if char.isprintable()))
            lines.append(
                f'<direction placement="above"><direction-type><rehearsal>{text}</rehearsal></direction-type>'
                f"{offset(marker.tick)}</direction>\n"
            )
    for sign in sorted(flow.targets & set(_SIGNS)):
        lines.append(
            f'<direction placement="above"><direction-type><{sign}/></direction-type><sound {sign}="{sign}"/>'
            "</direction>\n"
        )
    return lines


def _jump(flow: BarFlow) -> list[str]:
    lines = []
    if "fine" in flow.targets:
        lines.append('<direction><direction-type><words>Fine</words></direction-type><sound fine="yes"/></direction>\n')
    kind, _, until = flow.jump.partition(" al ")
    if kind in _WORDS:
        attribute = {"da capo": 'dacapo="yes"', "da segno": 'dalsegno="segno"', "da coda": 'tocoda="coda"'}[kind]
        words = f"{_WORDS[kind]}{f' al {until.title()}' if until else ''}"
        lines.append(
            f"<direction><direction-type><words>{words}</words></direction-type><sound {attribute}/></direction>\n"
        )
    return lines


def spelled(pitch: int, key: KeySignature) -> tuple[str, int, int]:
    """(step, alter, octave) of a MIDI number, by the twelve notes nearest to the key on the line of fifths.

    Major: from the flat second (D flat in C) to the raised fourth; minor: to the raised seventh and its third.
    """
    lowest = key.sharps - (3 if key.minor else 5)
    fifth = lowest + (7 * pitch - lowest) % 12  # place on the line of fifths, C = 0
    step = _LETTERS[(fifth + 1) % 7]
    alter = (fifth + 1) // 7
    return step, alter, (pitch - alter) // 12 - 1


def drum_place(key: int) -> tuple[str, int, str]:
    """(step, octave, notehead) of a General MIDI key on the five lines."""
    return _DRUM_PLACES.get(VOICES[VOICE_OF_KEY[key]].name, ("B", 4, "diamond"))
