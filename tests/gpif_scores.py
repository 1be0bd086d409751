"""Small Guitar Pro 7 scores written for tests: just enough XML for a reader, in a zip of its own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Scribe:
    """Collects the elements of a score; every `add` gives the new element's id."""

    lists: dict[str, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in ("Bar", "Voice", "Beat", "Note", "Rhythm")}
    )

    def add(self, kind: str, content: str, attributes: str = "") -> str:
        elements = self.lists[kind]
        elements.append(f'<{kind} id="{len(elements)}"{attributes}>{content}</{kind}>')
        return str(len(elements) - 1)

    def note(self, string: int, fret: int, more: str = "", properties: str = "") -> str:
        """`string` counts from 0, the lowest, as in the file."""
        place = f'<Property name="Fret"><Fret>{fret}</Fret></Property>'
        place += f'<Property name="String"><String>{string}</String></Property>'
        return self.add("Note", f"{more}<Properties>{place}{properties}</Properties>")

    def drum(self, element: int, variation: int) -> str:
        """A note of Guitar Pro 6."""
        kind = f'<Property name="Element"><Element>{element}</Element></Property>'
        kind += f'<Property name="Variation"><Variation>{variation}</Variation></Property>'
        return self.add("Note", f"<Properties>{kind}</Properties>")

    def beat(self, value: str, notes: Sequence[str] = (), more: str = "", rhythm: str = "") -> str:
        ref = self.add("Rhythm", f"<NoteValue>{value}</NoteValue>{rhythm}")
        played = f"<Notes>{' '.join(notes)}</Notes>" if notes else ""
        return self.add("Beat", f'{more}<Dynamic>MF</Dynamic><Rhythm ref="{ref}"/>{played}<Properties/>')

    def bar(self, *voices: Sequence[str], more: str = "") -> str:
        ids = [self.add("Voice", f"<Beats>{' '.join(beats)}</Beats>") if beats else "-1" for beats in voices]
        return self.add("Bar", f"<Clef>G2</Clef>{more}<Voices>{' '.join([*ids, '-1', '-1', '-1', '-1'][:4])}</Voices>")

    def elements(self) -> str:
        return "".join(f"<{kind}s>{''.join(elements)}</{kind}s>" for kind, elements in self.lists.items())


GUITAR = """<Name>Guitar</Name><Sounds><Sound><Name>S</Name><Path>P</Path><Role>R</Role><MIDI><LSB>0</LSB><MSB>0</MSB>
<Program>27</Program></MIDI></Sound></Sounds><MidiConnection><Port>0</Port><PrimaryChannel>3</PrimaryChannel>
<SecondaryChannel>4</SecondaryChannel></MidiConnection><Staves><Staff><Properties><Property name="CapoFret">
<Fret>{capo}</Fret></Property><Property name="Tuning"><Pitches>40 45 50 55 59 64</Pitches></Property></Properties>
</Staff></Staves>"""
DRUMS_OF_6 = """<Name>Drums</Name><Instrument ref="drmkt"/><GeneralMidi table="Percussion"><Program>0</Program>
<PrimaryChannel>9</PrimaryChannel><SecondaryChannel>9</SecondaryChannel></GeneralMidi>"""


def score_xml(
    scribe: Scribe,
    bars: Sequence[str],
    tracks: Sequence[str] = (GUITAR.format(capo=0),),
    times: Sequence[str] = ("4/4",),
    master: str = "",
    more: Sequence[str] = (),
) -> str:
    """A score of bar ids ("0", or "0 1" for two staves); the last time signature holds on.

    `master` goes into the master track, `more[i]` into bar i.
    """
    listed = []
    for at, ids in enumerate(bars):
        said = more[at] if at < len(more) else ""
        listed.append(
            f"<MasterBar><Key><AccidentalCount>0</AccidentalCount><Mode>Major</Mode></Key>"
            f"<Time>{times[min(at, len(times) - 1)]}</Time>{said}<Bars>{ids}</Bars></MasterBar>"
        )
    numbered = "".join(f'<Track id="{at}">{track}</Track>' for at, track in enumerate(tracks))
    order = " ".join(str(at) for at in range(len(tracks)))
    return (
        "<?xml version='1.0' encoding='utf-8'?><GPIF><GPVersion>7</GPVersion>"
        "<Score><Title><![CDATA[A <Title>]]></Title></Score>"
        f"<MasterTrack><Tracks>{order}</Tracks>{master}</MasterTrack><Tracks>{numbered}</Tracks>"
        f"<MasterBars>{''.join(listed)}</MasterBars>{scribe.elements()}</GPIF>"
    )


def gp_file(xml: str) -> bytes:
    """A .gp file with a score."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("VERSION", "7.0")
        archive.writestr("Content/score.gpif", xml)
    return stream.getvalue()
