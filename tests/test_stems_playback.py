"""One window played: against the whole rendering, against the notes it is made of, and against closed forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("pretty_midi")  # for its SoundFont

from audio_ext.engine import Engine, find_engine
from audio_ext.fluid import load_fluidsynth
from audio_ext.latent.windows import RATE, STEMS, WINDOW, level_db
from audio_ext.midi_controls import REVERB, WHEEL, Control
from audio_ext.performance import Lane, Performance, Sound
from audio_ext.soundfonts import choose_presets, find_soundfont
from datasets.stems.playback import (
    BASSES,
    LEAD,
    PEAK,
    any_setting,
    cut_lanes,
    levelled,
    lifts_db,
    plain_setting,
    play_cut,
    play_window,
)
from datasets.stems.scenes import (
    SECONDS,
    Scene,
    beats_in,
    choose_starts,
    density_of,
    notes_in,
    playing,
    read_scene,
    style_of,
    tempo_of,
)
from tests.stem_songs import HAT, KICK, band_file

NO_LIBRARY = pytest.mark.skipif(load_fluidsynth() is None, reason="FluidSynth's C library is not there")
ENGINES = ["built-in", pytest.param("fluidsynth", marks=NO_LIBRARY)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("songs")
    band_file(folder / "rock" / "band.mid")
    return read_scene(folder, "rock/band.mid")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return find_engine(request.param)[0]


def test_a_scene_is_the_song_by_stems(scene: Scene) -> None:
    assert tuple(scene.stems) == STEMS
    assert scene.style == "rock"
    assert scene.seconds == pytest.approx(40.0, abs=0.2)
    assert len(scene.beats) == 80
    assert np.allclose(scene.beats, 0.5 * np.arange(80))
    assert scene.counts.tolist() == [0, 1, 2, 3] * 20


def test_a_window_equals_the_cut_of_the_whole_song(scene: Scene, engine: Engine) -> None:
    """Dry, and where all that was struck before the lead has died away: to the last bit with FluidSynth."""
    setting = plain_setting(scene, find_soundfont())
    choice = choose_presets(setting.soundfont, Performance(tuple(scene.stems.values()), scene.seconds))
    start, seconds = 9.37, 1.0
    for stem, lanes in scene.stems.items():
        whole = play_cut(lanes, 0.0, setting, choice, engine, start + seconds)
        window = play_cut(lanes, start, setting, choice, engine, seconds)
        cut = whole[round(start * RATE) :]
        assert len(window) == len(cut) == seconds * RATE
        assert level_db(cut) > -60, stem
        if engine.name == "fluidsynth":
            assert np.array_equal(window, cut), stem
        else:  # which places a stroke at a frame of its own, so half a frame falls here or there
            assert level_db(window - cut) < level_db(cut) - 25, stem


@NO_LIBRARY
def test_with_reverb_a_window_is_near_the_whole(scene: Scene) -> None:
    """FluidSynth's room swings once a second, so whole seconds are alike there, but for what rings from long before."""
    engine, _ = find_engine("fluidsynth")
    setting = replace(plain_setting(scene, find_soundfont()), reverb=True)
    choice = choose_presets(setting.soundfont, Performance(tuple(scene.stems.values()), scene.seconds))
    room = (Control(0.0, REVERB, 80),)
    lanes = [replace(lane, controls=room) for stem in ("guitar", "other") for lane in scene.stems[stem]]
    whole = play_cut(lanes, 0.0, setting, choice, engine, 11.0)
    for start, most in ((10.0, -60), (9.37, -10)):
        cut = whole[round(start * RATE) : round((start + 1) * RATE)]
        window = play_cut(lanes, start, setting, choice, engine, 1.0)
        assert level_db(window - cut) - level_db(cut) < most


def test_a_window_s_facts_and_sound_agree(scene: Scene, engine: Engine) -> None:
    window = play_window(scene, 10.03, plain_setting(scene, find_soundfont()), engine)
    assert window is not None
    assert window.stems.shape == (4, WINDOW)
    assert window.heard == STEMS
    assert float(np.abs(window.mix).max()) <= PEAK + 1e-6
    facts = window.facts
    assert (facts.song, facts.start, facts.tempo_qpm, facts.style) == ("rock/band.mid", 10.03, 120.0, "rock")
    assert facts.density == pytest.approx({"drums": 4, "bass": 2, "guitar": 2, "other": 1}, abs=0.1)
    assert facts.programs == {"drums": 0, "bass": 33, "guitar": 25, "other": 0}
    # The drums alone: a stroke a quarter of a second, where the energy rises.
    expected = [note[0] for note in facts.notes["drums"]]
    assert expected[0] == pytest.approx(0.22)
    rises = onsets(window.stem("drums"))
    assert len(expected) == 41
    for time in expected[:-1]:
        assert np.abs(rises - time).min() < 0.012
    assert len(rises) <= len(expected) + 2


def onsets(frames: np.ndarray) -> np.ndarray:
    """Times (s) at which the energy of 5 ms rises at least fourfold above the least of the 40 ms before."""
    step = RATE // 200
    energy = np.square(frames[: len(frames) // step * step], dtype=np.float64).reshape(-1, step).sum(axis=1)
    found: list[float] = []
    for at in range(8, len(energy)):
        if energy[at] > 4 * energy[at - 8 : at].min() + 1e-4 and (not found or at * 0.005 - found[-1] > 0.06):
            found.append(at * 0.005)
    return np.array(found)


def sound(start: float, end: float, pitch: int = 60, course: tuple[tuple[float, float], ...] = ()) -> Sound:
    return Sound(start, end, pitch, 90, course)


def test_notes_that_began_before_are_in_a_cut() -> None:
    long, early, inside, late = sound(4.0, 12.0, 60), sound(1.0, 2.0, 61), sound(10.5, 11.0, 62), sound(12.0, 13.0, 63)
    (lane,), lead = cut_lanes([Lane(0, False, (early, long, inside, late))], 10.0, 1.0)
    assert lead == pytest.approx(6.0)
    assert [(one.start, one.end, one.pitch) for one in lane.sounds] == [(0.0, 8.0, 60), (6.5, 7.0, 62)]


def test_a_note_from_long_before_is_struck_anew_without_its_bend() -> None:
    lanes = [Lane(0, False, (sound(1.0, 30.0, 60, ((0.0, 0.0), (1.0, 2.0))),))]
    (lane,), lead = cut_lanes(lanes, 20.0, 1.0)
    assert lead == LEAD
    assert lane.sounds == (Sound(0.0, 13.0, 60, 90),)
    # A drum that was struck so long ago sounds no more, however long it is written.
    assert cut_lanes([replace(lanes[0], is_drum=True)], 20.0, 1.0)[0] == []


def test_controls_hold_as_they_were_set() -> None:
    early = (Control(0.0, 7, 90), Control(3.0, 7, 50), Control(4.0, WHEEL, 1.0))
    controls = (*early, Control(9.0, 7, 70), Control(30.0, 7, 1))
    (lane,), lead = cut_lanes([Lane(0, False, (sound(10.0, 11.0),), controls)], 10.0, 1.0)
    assert lead == LEAD
    assert lane.controls == (Control(0.0, 7, 50), Control(0.0, WHEEL, 1.0), Control(2.0, 7, 70), Control(23.0, 7, 1))


def test_a_cut_at_the_beginning_has_the_lead_that_there_is() -> None:
    (lane,), lead = cut_lanes([Lane(0, False, (sound(0.5, 3.0),))], 1.0, 1.0)
    assert lead == 1.0
    assert lane.sounds[0].start == 0.5


def test_levels_are_set_by_one_gain() -> None:
    stems = np.zeros((4, 1000), np.float32)
    stems[0], stems[1] = 0.02, 0.01
    found = levelled(stems, -20.0)
    assert level_db(found.sum(axis=0)) == pytest.approx(-20.0, abs=1e-4)
    assert np.allclose(found[0], 2 * found[1])
    stems[2, 0], stems[3, 0] = 0.5, -0.5  # they hide each other in the mix
    assert np.abs(levelled(stems, -3.0)).max() == pytest.approx(PEAK)


def test_soft_stems_are_brought_up_to_ten_decibels_below_the_loudest() -> None:
    stems = np.zeros((4, 16000), np.float32)
    stems[0], stems[1], stems[2] = 0.1, 0.05, 0.001
    assert lifts_db(stems) == pytest.approx([0, 0, 30, 0], abs=1e-4)


def test_settings_vary_within_the_family(scene: Scene) -> None:
    font = find_soundfont()
    settings = [any_setting(scene, [font], np.random.default_rng(seed)) for seed in range(200)]
    bass = {setting.programs["bass", 33] for setting in settings}
    assert bass == set(BASSES)
    assert {setting.programs["guitar", 25] for setting in settings} == {24, 25, 26, 27, 29, 30}
    assert {setting.programs["other", 0] // 8 for setting in settings} == {0}
    kits = {setting.programs["drums", 0] for setting in settings}
    assert len(kits) > 3
    assert kits <= {program for bank, program in font.presets if bank == 128}
    gains = np.array([list(setting.gains_db.values()) for setting in settings])
    assert -6 <= gains.min() < -5 < 5 < gains.max() <= 6
    assert {setting.reverb for setting in settings} == {True, False}


def test_starts_lie_apart_and_where_the_band_plays(scene: Scene) -> None:
    starts = choose_starts(scene, np.random.default_rng(0), 2, True)
    assert len(starts) == 2
    assert abs(starts[0] - starts[1]) >= SECONDS
    assert all(0 <= start <= scene.seconds - SECONDS for start in starts)
    assert all(abs(start * 100 - round(start * 100)) < 1e-6 for start in starts)
    two = replace(scene, stems={stem: scene.stems[stem] for stem in ("drums", "bass")})
    three = replace(scene, stems={stem: scene.stems[stem] for stem in ("drums", "bass", "other")})
    assert not choose_starts(two, np.random.default_rng(0), 2, False)
    assert not choose_starts(three, np.random.default_rng(0), 2, True)
    assert choose_starts(three, np.random.default_rng(0), 2, False)


def test_a_stem_plays_with_onsets_or_a_held_note(scene: Scene) -> None:
    pad = Lane(48, False, (sound(0.0, 30.0),))
    hit = Lane(0, True, tuple(sound(10.0 + i, 30.0, KICK) for i in range(3)))
    assert playing(replace(scene, stems={"drums": (hit,), "other": (pad,)}), 5.0) == ("other",)


def test_notes_and_densities() -> None:
    lane = Lane(0, False, (sound(1.0, 3.0, 50), sound(5.0, 6.0, 52), sound(5.01, 6.0, 55), sound(16.0, 17.0, 57)))
    found = notes_in([lane], 2.0)
    assert [note[:3] for note in found] == [(-1.0, 1.0, 50), (3.0, 4.0, 52), (3.01, 4.0, 55)]
    assert density_of(found) == pytest.approx(1 / SECONDS, abs=1e-3)
    assert [note[2] for note in notes_in([replace(lane, is_drum=True)], 2.0)] == [52, 55]
    assert density_of([(0.1 * i, 1.0, HAT, 90) for i in range(50)]) == pytest.approx(50 / SECONDS, abs=1e-3)


def test_beats_and_tempo(scene: Scene) -> None:
    beats = beats_in(scene, 10.25)
    assert beats[0] == (0.25, 1)
    assert len(beats) == 20
    assert tempo_of(beats) == 120.0
    assert tempo_of(beats[:1]) == 0.0


def test_styles_come_from_folders_not_from_names() -> None:
    assert style_of("gh-rock-o-net/x/Jazz Police.mid") == "rock"
    assert style_of("riddim-archive/a.mid") == "reggae"
    assert style_of("rocket/scrapbook/Rock.mid") == ""


def test_real_songs_sound(data_pack: object, tmp_path: Path) -> None:
    folder = data_pack("val")  # type: ignore[operator]
    engine, _ = find_engine()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.mid"))[::90]
    font = find_soundfont()
    made = 0
    for name in names:
        scene = read_scene(folder, name)
        rng = np.random.default_rng(0)
        for start in choose_starts(scene, rng, 1, True):
            window = play_window(scene, start, any_setting(scene, [font], rng), engine)
            assert window is not None
            assert np.abs(window.stems).max() <= 1
            assert -40 < level_db(window.mix) < -10
            assert set(window.facts.notes) <= set(STEMS)
            made += len(window.heard) == len(STEMS)
    assert made >= 2
