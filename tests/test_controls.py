"""Controls: what is asked is what comes out, what can't be had is refused, and asking nothing changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arranger.amount import density_word, strokes_a_bar, wanted_strokes
from arranger.controls import DENSITIES, Controls, PartControls
from arranger.errors import FillRequestError
from arranger.files import load_song
from arranger.filler import fill
from arranger.fills import apply_fill
from arranger.grid import DRUMS, ROWS, Grid, song_to_grid
from arranger.parts import ROLES, detect_parts
from arranger.performing import swung
from arranger.presets import over, parse_presets, presets
from arranger.request import check_request
from arranger.song import Bar, Note, Song
from arranger.steer import KICK, into_range, off_beat
from arranger.voices import VOICE_OF_KEY, VOICES
from arranger.wishes import check_controls, parse_pitch, pitch_name

EXAMPLES = Path(__file__).parents[1] / "examples"
BARS = (0, 16)


@pytest.fixture(scope="module")
def night_bus() -> Song:
    return load_song(EXAMPLES / "night-bus.mid")


def grid_of(metre: tuple[int, int], bars: int = 2) -> Grid:
    length = 48 * metre[0] // metre[1]
    table = np.arange(bars + 1) * length
    planes = np.zeros((len(ROLES), ROWS, bars * length), dtype=bool)
    made = tuple(Bar(i, i * length, length, *metre) for i in range(bars))
    return Grid(planes, planes.copy(), table, made, 12)


def asked(part: str, **own: object) -> Controls:
    return Controls({part: PartControls(**own)})  # type: ignore[arg-type]


class TestAmount:
    def test_strokes_count_chords_once_and_empty_bars_not_at_all(self) -> None:
        grid = grid_of((4, 4), 3)
        onset = np.zeros((ROWS, grid.steps), dtype=bool)
        onset[[40, 47, 52], 0] = True
        onset[40, [12, 24]] = True
        onset[40, 96] = True  # the second bar is empty
        assert strokes_a_bar(onset, grid, range(3)) == 2.0
        assert strokes_a_bar(onset, grid, [0]) == 3.0
        assert strokes_a_bar(onset, grid, [1]) == 0.0

    def test_a_short_bar_counts_as_so_much_of_a_long_one(self) -> None:
        grid = grid_of((3, 4), 1)
        onset = np.zeros((ROWS, grid.steps), dtype=bool)
        onset[40, [0, 12, 24]] = True
        assert strokes_a_bar(onset, grid, [0]) == 4.0

    @pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
    def test_words_are_in_order_and_mean_themselves(self, part: str) -> None:
        wanted = [wanted_strokes(part, word) for word in DENSITIES]
        assert wanted == sorted(set(wanted))
        assert [density_word(part, strokes) for strokes in wanted] == list(DENSITIES)


class TestFills:
    def test_asking_nothing_changes_nothing(self, night_bus: Song) -> None:
        plain = fill(night_bus, ["bass"], BARS, takes=2)
        assert fill(night_bus, ["bass"], BARS, takes=2, controls=asked("bass"))[0].notes("bass") == plain[0].notes(
            "bass"
        )

    @pytest.mark.parametrize("strokes", [2.0, 4.0, 9.0])
    def test_density_is_met(self, night_bus: Song, strokes: float) -> None:
        made = fill(night_bus, ["bass"], BARS, takes=1, controls=asked("bass", density=strokes))[0]
        bars = {night_bus.bar_at(note.start) for note in made.notes("bass")}
        assert len({note.start for note in made.notes("bass")}) / len(bars) == pytest.approx(strokes, rel=0.25)

    def test_range_is_kept(self, night_bus: Song) -> None:
        made = fill(night_bus, ["bass"], BARS, takes=2, controls=asked("bass", range=(36, 48)))[0]
        assert made.notes("bass")
        assert all(36 <= note.pitch <= 48 for note in made.notes("bass"))

    def test_the_bass_strikes_with_the_kick_and_nowhere_else(self) -> None:
        song = load_song(EXAMPLES / "night-bus.mid")
        grid = song_to_grid(song, detect_parts(song))
        made = fill(song, ["bass"], BARS, takes=1, controls=asked("bass", follow="kick"))[0]  # and not a tick late
        kick = np.asarray(grid.onset[DRUMS, KICK])
        ticks = {grid.tick_of(int(step)) for step in np.flatnonzero(kick)}
        for bar in song.bars[slice(*BARS)]:
            struck = {note.start for note in made.notes("bass") if bar.start <= note.start < bar.end}
            beaten = {tick for tick in ticks if bar.start <= tick < bar.end}
            if struck and beaten:
                assert struck == beaten

    def test_syncopation_leans_off_the_beat(self, night_bus: Song) -> None:
        def share(word: str) -> float:
            wanted = replace(asked("bass", complexity=word), human=False)
            made = fill(night_bus, ["bass"], BARS, takes=1, controls=wanted)[0]
            return float(np.mean([note.start % night_bus.ticks_per_quarter != 0 for note in made.notes("bass")]))

        assert share("plain") < share("syncopated")

    def test_even_velocities_where_nobody_is_to_be_heard(self, night_bus: Song) -> None:
        made = fill(night_bus, ["bass"], BARS, takes=1, controls=Controls(human=False))[0]
        assert len({note.velocity for note in made.notes("bass")}) == 1

    def test_single_bars_are_filled_and_no_others(self, night_bus: Song) -> None:
        made = fill(night_bus, ["bass"], takes=1, only=(2, 3, 9))[0]
        assert {night_bus.bar_at(note.start) for note in made.notes("bass")} <= {2, 3, 9}
        assert made.only == (2, 3, 9)
        assert made.bars == (2, 10)

    def test_replacing_single_bars_leaves_those_between(self) -> None:
        song = load_song(EXAMPLES / "paper-boats.gp5")
        made = fill(song, ["bass"], takes=1, only=(1, 4), mode="replace")[0]
        after = apply_fill(song, made)
        (index,) = (one.into_track for one in made.parts)
        assert index is not None
        for bar in (0, 2, 3, 5):
            then, now = ([n for n in s.tracks[index].notes if s.bar_at(n.start) == bar] for s in (song, after))
            assert then == now

    def test_sections_by_hand_are_where_the_drummer_crashes(self) -> None:
        song = load_song(EXAMPLES / "paper-boats.gp5")
        crash = [voice.name for voice in VOICES].index("crash")

        def crashes(text: str) -> set[int]:
            made = fill(song, ["drums"], (0, 24), takes=1, controls=Controls(sections=text))[0]
            return {song.bar_at(n.start) for n in made.notes("drums") if VOICE_OF_KEY[n.pitch] == crash}

        assert crashes("Verse 1-6, Chorus 7-24") <= {0, 1, 6}
        assert 6 in crashes("Verse 1-6, Chorus 7-24")
        assert 10 in crashes("Verse 1-10, Chorus 11-24")


class TestSwing:
    def test_straight_eighths_become_long_and_short(self) -> None:
        song = Song(480, (), length=1920)
        notes = [Note(tick, 240, 40) for tick in range(0, 1920, 240)]
        moved = swung(notes, song, 2 / 3)
        assert [note.start for note in moved[:4]] == [0, 320, 480, 800]
        assert [note.duration for note in moved[:2]] == [320, 160]

    def test_triplets_stay(self) -> None:
        song = Song(480, (), length=1920)
        notes = [Note(tick, 160, 40) for tick in range(0, 1920, 160)]
        assert list(swung(notes, song, 0.6)) == notes

    def test_half_is_straight(self) -> None:
        song = Song(480, (), length=1920)
        notes = [Note(tick, 100, 40) for tick in range(0, 1920, 120)]
        assert list(swung(notes, song, 0.5)) == notes

    def test_a_tab_has_triplets_or_nothing(self) -> None:
        song = load_song(EXAMPLES / "paper-boats.gp5")
        request = check_request(song, ["bass"], mode="replace")
        with pytest.raises(FillRequestError, match=r"0\.67"):
            check_controls(request, Controls(swing=0.6))
        check_controls(request, Controls(swing=0.6667))


class TestRange:
    def test_notes_move_by_octaves(self) -> None:
        onset = np.zeros((ROWS, 4), dtype=bool)
        onset[[28, 64], [0, 1]] = True
        moved, sounding = into_range((onset, onset), (36, 52), np.ones(12, dtype=bool))
        assert np.argwhere(moved).tolist() == [[40, 0], [52, 1]]
        assert (moved == sounding).all()

    def test_where_no_octave_fits_the_scale_decides(self) -> None:
        onset = np.zeros((ROWS, 1), dtype=bool)
        onset[41] = True  # F; the range holds C to E
        scale = np.isin(np.arange(12), [0, 2])
        moved, _ = into_range((onset, onset), (36, 40), scale)
        assert np.argwhere(moved).tolist() == [[38, 0]]

    @pytest.mark.parametrize(("text", "pitch"), [("E1", 28), ("Bb2", 46), ("F#3", 54), ("c4", 60), ("28", 28)])
    def test_pitches_by_name(self, text: str, pitch: int) -> None:
        assert parse_pitch(text) == pitch

    def test_names_come_back(self) -> None:
        assert all(parse_pitch(pitch_name(pitch)) == pitch for pitch in range(12, 128))

    @pytest.mark.parametrize("text", ["H2", "E", "", "E#b1", "200", "E-1x"])
    def test_what_is_no_pitch_is_refused(self, text: str) -> None:
        with pytest.raises(FillRequestError, match="no pitch"):
            parse_pitch(text)


def test_off_the_beat_in_common_and_compound_time() -> None:
    four = off_beat(grid_of((4, 4), 1))
    assert (four[0], four[6], four[3], four[12]) == (0, 0.5, 1, 0)
    six = off_beat(grid_of((6, 8), 1))
    assert six[0] == 0
    assert six[18] == 0, "the second beat of 6/8 is its fourth eighth"
    assert six[12] > 0


REFUSED = [
    ("bass", {"density": "loud"}, "sparse, light"),
    ("bass", {"density": 80.0}, "onsets a bar"),
    ("bass", {"style": "chug"}, "roots, octaves, walking, riff"),
    ("drums", {"style": "roots"}, "--feel"),
    ("bass", {"feel": "shuffle"}, "Only drums"),
    ("bass", {"cymbals": False}, "Only drums"),
    ("bass", {"role": "lead"}, "Only a guitar"),
    ("bass", {"range": (60, 50)}, "other way round"),
    ("bass", {"range": (10, 50)}, "reaches from B0"),
    ("bass", {"range": (40, 42)}, "wider"),
    ("bass", {"follow": "77"}, "no such track"),
    ("bass", {"follow": "kick"}, "No kick"),
    ("drums", {"follow": "kick"}, "own kick"),
    ("bass", {"style": "walking", "follow": "1"}, "walking"),
    ("bass", {"complexity": "odd"}, "plain, normal, syncopated"),
    ("drums", {"fills": "3"}, "none, sparse, 4, 8"),
]


@pytest.mark.parametrize(("part", "own", "words"), REFUSED)
def test_what_cannot_be_had_is_refused_with_what_can(part: str, own: dict[str, object], words: str) -> None:
    notes = tuple(Note(tick, 400, 60) for tick in range(0, 8 * 480, 480))
    from arranger.song import Track

    song = Song(480, (Track("Keys", 0, False, notes),))
    with pytest.raises(FillRequestError, match=words):
        fill(song, [part], takes=1, controls=asked(part, **own))


class TestPresets:
    def test_the_shipped_ones_can_be_asked_of_any_song(self, night_bus: Song) -> None:
        for preset in presets().values():
            assert preset.about
            for part in preset.controls.parts:
                if part == "drums":
                    continue
                request = check_request(night_bus, [part], mode="add")
                check_controls(request, preset.controls)

    def test_what_is_asked_beside_goes_before(self) -> None:
        base = presets()["punk"].controls
        mixed = over(base, asked("bass", style="walking"))
        assert mixed.of("bass").style == "walking"
        assert mixed.of("bass").density == base.of("bass").density
        assert mixed.of("drums") == base.of("drums")
        assert over(base, Controls(swing=0.6)).swing == 0.6

    def test_a_file_of_ones_own(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.json"
        path.write_text(
            json.dumps({"mine": {"about": "x", "swing": 0.6, "bass": {"style": "roots", "range": [28, 40]}}})
        )
        own = presets(path)["mine"].controls
        assert own.of("bass") == PartControls(style="roots", range=(28, 40))
        assert own.swing == 0.6
        assert "punk" in presets(path)

    @pytest.mark.parametrize(
        ("stored", "words"),
        [
            ([], "an object"),
            ({"a": 1}, "an object"),
            ({"a": {"piano": {}}}, "piano"),
            ({"a": {"swing": "much"}}, "number"),
            ({"a": {"bass": {"tone": "x"}}}, "may have"),
            ({"a": {"bass": {"range": "E1"}}}, "range"),
            ({"a": {"drums": {"cymbals": "no"}}}, "cymbals"),
        ],
    )
    def test_a_bad_file_is_told_where(self, stored: object, words: str) -> None:
        with pytest.raises(FillRequestError, match=words):
            parse_presets(stored, "mine.json")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(FillRequestError, match="can't be read"):
            presets(tmp_path / "none.json")
        (tmp_path / "bad.json").write_text("{")
        with pytest.raises(FillRequestError, match="no JSON"):
            presets(tmp_path / "bad.json")


def test_defaults_are_the_absence_of_controls() -> None:
    assert replace(Controls(), parts={}) == Controls()
    assert Controls().of("bass") == PartControls()
