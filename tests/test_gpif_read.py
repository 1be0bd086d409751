"""Guitar Pro 6 to 8 scores in closed form: what is read is worked out by hand from what is written."""

from __future__ import annotations

import pytest
from gpif_scores import DRUMS_OF_6, GUITAR, Scribe, gp_file, score_xml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.formats import gpif_read
from arranger.formats.gpif_drums import Articulations, drum_key
from arranger.formats.gpif_read import read_gpif
from arranger.song import Feel, KeySignature, Marker, Note, Song, Tempo, TimeSignature

TIE = '<Tie origin="false" destination="true"/>'
BEFORE, ON = "<GraceNotes>BeforeBeat</GraceNotes>", "<GraceNotes>OnBeat</GraceNotes>"


JUNK = ["", "-1", "9", "1e999", "nan", "x", "<a/>", "9" * 5000, "/", "\0", "inf 2", "0/0"]


def read(scribe: Scribe, bars: list[str], **score: object) -> Song:
    return read_gpif(gp_file(score_xml(scribe, bars, **score)), "a.gp")  # type: ignore[arg-type]


def spans(song: Song, track: int = 0) -> list[tuple[int, int, int]]:
    """(start, end, pitch) of each note."""
    return [(note.start, note.end, note.pitch) for note in song.tracks[track].notes]


def test_a_note_has_string_fret_capo_and_velocity() -> None:
    scribe = Scribe()
    accent, ghost = scribe.note(0, 3, "<Accent>8</Accent>"), scribe.note(5, 1, "<AntiAccent>Normal</AntiAccent>")
    bar = scribe.bar([scribe.beat("Half", [accent]), scribe.beat("Half", [ghost])])
    song = read(scribe, [bar], tracks=[GUITAR.format(capo=2)])
    track = song.tracks[0]
    assert track.notes == (
        Note(0, 1920, 45, 79 + 16, 6, 3, ("accent",)),
        Note(1920, 1920, 67, 79 - 16, 1, 1, ("ghost",)),
    )
    assert (track.name, track.program, track.channel, track.capo, track.source_id) == ("Guitar", 27, 3, 2, (0, 0))
    assert track.tuning == (64, 59, 55, 50, 45, 40)
    assert (song.title, song.length, song.source and song.source.format) == ("A <Title>", 3840, "gp")


@pytest.mark.parametrize(
    ("value", "rhythm", "ticks"),
    [
        ("Whole", "", 3840),
        ("Quarter", '<AugmentationDot count="1"/>', 1440),
        ("Quarter", '<AugmentationDot count="2"/>', 1680),
        ("Eighth", '<PrimaryTuplet num="3" den="2"/>', 320),
        ("16th", '<PrimaryTuplet num="5" den="4"/>', 192),
        ("32nd", '<AugmentationDot count="1"/><PrimaryTuplet num="3" den="2"/>', 120),
        ("64th", "", 60),
        ("256th", "", 15),
        ("Quarter", '<PrimaryTuplet num="0" den="0"/>', 960),
    ],
)
def test_note_values(value: str, rhythm: str, ticks: int) -> None:
    scribe = Scribe()
    beats = [scribe.beat(value, [scribe.note(0, fret)], rhythm=rhythm) for fret in (1, 2)]
    song = read(scribe, [scribe.bar(beats)], times=["8/4"])
    assert spans(song) == [(0, ticks, 41), (ticks, 2 * ticks, 42)]


def test_septuplets_fill_their_bar_without_drift() -> None:
    scribe = Scribe()
    seven = '<PrimaryTuplet num="7" den="4"/>'
    beats = [scribe.beat("16th", [scribe.note(0, at)], rhythm=seven) for at in range(28)]
    song = read(scribe, [scribe.bar(beats)])
    assert [note.start for note in song.tracks[0].notes] == [round(at * 960 / 7) for at in range(28)]
    assert song.tracks[0].notes[-1].end == 3840


def test_ties_join_over_the_bar_line_and_by_string() -> None:
    scribe = Scribe()
    first = [scribe.beat("Half", []), scribe.beat("Half", [scribe.note(0, 3), scribe.note(1, 2)])]
    second = [scribe.beat("Half", [scribe.note(0, 3, TIE), scribe.note(1, 5)]), scribe.beat("Half", [])]
    song = read(scribe, [scribe.bar(first), scribe.bar(second)])
    assert sorted(spans(song)) == [(1920, 3840, 47), (1920, 5760, 43), (3840, 5760, 50)]


def test_a_tie_without_a_note_before_is_a_note() -> None:
    scribe = Scribe()
    beats = [scribe.beat("Quarter", [scribe.note(0, 3)]), scribe.beat("Quarter"), scribe.beat("Half")]
    beats[2] = scribe.beat("Half", [scribe.note(0, 3, TIE)])
    assert spans(read(scribe, [scribe.bar(beats)])) == [(0, 960, 43), (1920, 3840, 43)]


def test_a_dead_note_is_short() -> None:
    scribe = Scribe()
    dead = scribe.note(0, 0, properties='<Property name="Muted"><Enable/></Property>')
    assert spans(read(scribe, [scribe.bar([scribe.beat("Whole", [dead])])])) == [(0, 240, 40)]


@pytest.mark.parametrize("kind", [BEFORE, ON])
def test_grace_notes(kind: str) -> None:
    """Two of them: 30 ticks each, before the beat at the cost of the one before, or on it; never out of their bar."""
    scribe = Scribe()
    graces = [scribe.beat("Eighth", [scribe.note(2, fret)], kind) for fret in (1, 2)]
    plain = [scribe.beat("Half", [scribe.note(2, fret)]) for fret in (3, 4)]
    inside = read(scribe, [scribe.bar([plain[0], *graces, plain[1]])])
    begin = 1920 - 60 if kind is BEFORE else 1920
    assert spans(inside) == [
        (0, min(1920, begin), 53),
        (begin, begin + 30, 51),
        (begin + 30, begin + 60, 52),
        (begin + 60, 3840, 54),
    ]
    at_bar_line = read(scribe, [scribe.bar(plain), scribe.bar([*graces, *plain])])
    assert spans(at_bar_line)[2:] == [(3840, 3870, 51), (3870, 3900, 52), (3900, 5760, 53), (5760, 7680, 54)]


def test_many_grace_notes_stay_within_a_grid_step() -> None:
    scribe = Scribe()
    graces = [scribe.beat("16th", [scribe.note(2, fret)], ON) for fret in range(6)]
    song = read(scribe, [scribe.bar([*graces, scribe.beat("Whole", [scribe.note(1, 9)])])])
    assert [note.start for note in song.tracks[0].notes] == [0, 10, 20, 30, 40, 50, 60]


def test_a_pickup_bar_is_as_short_as_its_notes() -> None:
    scribe = Scribe()
    pickup = scribe.bar([scribe.beat("Quarter", [scribe.note(0, 1)])])
    full = scribe.bar([scribe.beat("Whole", [scribe.note(0, 2)])])
    song = read(scribe, [pickup, full, full], master="<Anacrusis/>")
    assert [(bar.start, bar.length) for bar in song.bars] == [(0, 960), (960, 3840), (4800, 3840)]
    assert song.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(960, 4, 4))
    assert spans(song) == [(0, 960, 41), (960, 4800, 42), (4800, 8640, 42)]


def test_simile_bars_sound_like_the_bars_before() -> None:
    scribe = Scribe()
    one, two = (scribe.bar([scribe.beat("Whole", [scribe.note(0, fret)])]) for fret in (1, 2))
    signs = [scribe.bar(more=f"<SimileMark>{kind}</SimileMark>") for kind in ("Simple", "FirstOfDouble")]
    second = scribe.bar(more="<SimileMark>SecondOfDouble</SimileMark>")
    song = read(scribe, [one, signs[0], two, signs[1], second])
    assert [pitch for _, _, pitch in spans(song)] == [41, 41, 42, 41, 42]


def test_notes_after_the_end_of_a_bar_are_left_out_with_a_warning() -> None:
    scribe = Scribe()
    beats = [scribe.beat("Half", [scribe.note(0, fret)]) for fret in range(4)]
    song = read(scribe, [scribe.bar(beats), scribe.bar([scribe.beat("Whole")])])
    assert spans(song) == [(0, 1920, 40), (1920, 3840, 41)]
    assert set(song.warnings) == {
        "It says no tempo; 120 was taken.",
        "Track 1: 2 notes stand after the end of their bar and were left out.",
    }


def test_a_note_tied_out_of_a_bar_with_too_many_beats() -> None:
    scribe = Scribe()
    long = [scribe.beat("Half", [scribe.note(0, 2)]), scribe.beat("Whole", [scribe.note(0, 1)])]
    after = [scribe.beat("Whole", [scribe.note(0, 1, TIE)])]
    assert spans(read(scribe, [scribe.bar(long), scribe.bar(after)])) == [(0, 1920, 42), (1920, 7680, 41)]


def test_what_stands_over_the_bars() -> None:
    scribe = Scribe()
    bar = scribe.bar([scribe.beat("Half", [scribe.note(0, 1)])])
    tempo = "<Automation><Type>Tempo</Type>{}</Automation>"
    said = "<Linear>{}</Linear><Bar>{}</Bar><Position>{}</Position><Value>{}</Value>"
    changes = [("false", 0, 0, "60 3"), ("true", 1, 0.5, "100 2"), ("false", 2, 0, "100 1"), ("false", 9, 0, "300 2")]
    song = read(
        scribe,
        [bar] * 4,
        times=["2/4", "2/4", "6/8", "2/4"],
        master=f"<Automations>{''.join(tempo.format(said.format(*change)) for change in changes)}</Automations>",
        more=[
            "<Section><Letter>A</Letter><Text>Verse</Text></Section><TripletFeel>Triplet8th</TripletFeel>",
            '<Repeat start="true" end="false" count="0"/><TripletFeel>Scottish16th</TripletFeel>',
            '<Repeat start="false" end="true" count="3"/>',
            "<Section><Text>End</Text></Section>",
        ],
    )
    assert song.tempos == (Tempo(0, 90.0), Tempo(1920 + 960, 100.0), Tempo(3840, 50.0))
    assert song.markers == (Marker(0, "A Verse"), Marker(6720, "End"))
    assert song.feels == (Feel(0, "triplet-eighths"), Feel(1920, "scottish-sixteenths"), Feel(3840, "straight"))
    assert song.keys == (KeySignature(0, 0, False),)
    assert song.time_signatures == (TimeSignature(0, 2, 4), TimeSignature(3840, 6, 8), TimeSignature(6720, 2, 4))
    assert song.order == (0, 1, 2, 1, 2, 1, 2, 3)


def test_two_staves_are_two_tracks() -> None:
    staff = '<Staff><Properties><Property name="Tuning"><Pitches>{}</Pitches></Property></Properties></Staff>'
    staves = f"<Name>Duo</Name><Staves>{staff.format('40 45')}{staff.format('28 33 38')}</Staves>"
    scribe = Scribe()
    high, low = (scribe.bar([scribe.beat("Whole", [scribe.note(0, 5)])]) for _ in range(2))
    third = scribe.bar([scribe.beat("Whole", [scribe.note(1, 7)])])
    song = read(scribe, [f"{high} {low} {third}"], tracks=[staves, GUITAR.format(capo=0)])
    assert [(track.name, track.source_id) for track in song.tracks] == [
        ("Duo", (0, 0)),
        ("Duo (staff 2)", (0, 1)),
        ("Guitar", (1, 0)),
    ]
    assert [spans(song, at) for at in range(3)] == [[(0, 3840, 45)], [(0, 3840, 33)], [(0, 3840, 52)]]


def test_drums() -> None:
    """An index into the track's own list; what Guitar Pro 6 says; a key where there is no list."""
    kit = Articulations((38, 36, -1), ((38,), (36,), (46, 26)))
    assert [drum_key((at, None), kit) for at in range(3)] == [38, 36, 46]
    assert drum_key((42, None), Articulations()) == 42
    assert drum_key((5000, None), kit) is None
    scribe = Scribe()
    beat = scribe.beat("Whole", [scribe.drum(0, 0), scribe.drum(1, 0), scribe.drum(10, 2)])
    song = read(scribe, [scribe.bar([beat])], tracks=[DRUMS_OF_6])
    assert song.tracks[0].is_drum
    assert sorted(note.pitch for note in song.tracks[0].notes) == [36, 38, 46]
    assert all(note.string is None for note in song.tracks[0].notes)


def simple() -> tuple[Scribe, str]:
    scribe = Scribe()
    return scribe, scribe.bar([scribe.beat("Whole", [scribe.note(0, 1)])])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<Rhythm ref="0"/>', '<Rhythm ref="7"/>', "rhythm 7, which isn't there"),
        ("<Notes>0</Notes>", "<Notes>3</Notes>", "note 3, which isn't there"),
        ("<Beats>0</Beats>", "<Beats>2</Beats>", r"\(track 1\).*beat 2, which isn't there"),
        ("<Bars>0</Bars>", "<Bars>5</Bars>", r"\(track 1\).*bar 5, which isn't there"),
        ("<Time>4/4</Time>", "<Time>0/4</Time>", r"\(bar 1\).*time signature is “0/4”"),
        ("<Time>4/4</Time>", "<Time>99999999999/4</Time>", "time signature"),
        ("<Notes>0</Notes>", "", "it has no notes"),
        ("<GPIF>", "<!DOCTYPE x><GPIF>", "document type"),
        ("</GPIF>", "", "damaged"),
        ("GPIF>", "GPX>", "its root is “GPX”"),
    ],
)
def test_what_is_refused(old: str, new: str, words: str) -> None:
    scribe, bar = simple()
    xml = score_xml(scribe, [bar])
    assert old in xml
    with pytest.raises(SongFileError, match=words):
        read_gpif(gp_file(xml.replace(old, new)), "a.gp")


def test_a_small_file_that_unfolds_into_millions_of_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    scribe = Scribe()
    note = scribe.note(0, 1)
    beat = scribe.beat("256th", [note] * 2)
    bar = scribe.bar([beat] * 1000)
    monkeypatch.setattr(gpif_read, "MAX_NOTES", 100_000)
    with pytest.raises(SongFileError, match=r"track 1.*more than 100,000 notes"):
        read(scribe, [bar] * 60)
    with pytest.raises(SongFileError, match="more than 20000"):
        read(scribe, [bar] * 20_001)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_scores_give_a_song_or_its_error(data: st.DataObject) -> None:
    """Values and tags of a rich score are swapped, dropped and doubled; nothing but SongFileError comes out."""
    scribe = Scribe()
    grace = scribe.beat("Eighth", [scribe.note(2, 2)], BEFORE)
    beats = [scribe.beat("Half", [scribe.note(0, 1)]), grace, scribe.beat("Half", [scribe.note(0, 1, TIE)])]
    bars = [f"{scribe.bar(beats)} {scribe.bar([scribe.beat('Whole', [scribe.drum(1, 2)])])}" for _ in range(2)]
    tempo = "<Automation><Type>Tempo</Type><Bar>0</Bar><Position>0.5</Position><Value>9 2</Value></Automation>"
    master = f"<Anacrusis/><Automations>{tempo}</Automations>"
    xml = score_xml(scribe, bars, [GUITAR.format(capo=1), DRUMS_OF_6], master=master)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(xml) - 1))
        until = data.draw(st.integers(at, min(len(xml), at + 30)))
        junk = data.draw(st.sampled_from(JUNK))
        xml = xml[:at] + junk + xml[until:]
    try:
        song = read_gpif(gp_file(xml), "a.gp")
    except SongFileError:
        return
    assert song.bars[-1].end == song.end == song.length
    for track in song.tracks:
        assert all(0 <= note.pitch <= 127 and note.duration > 0 and 1 <= note.velocity <= 127 for note in track.notes)
