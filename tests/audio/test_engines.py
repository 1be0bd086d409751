"""Both renderers against closed forms, through a SoundFont that is one sine."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sine_soundfont import cents, fundamental, key_hertz, onsets, sine_soundfont

from arranger.song import Note, Song, Tempo, Track
from audio_ext.band import Settings
from audio_ext.engine import ENGINES, NO_LIBRARY, find_engine
from audio_ext.errors import AudioError
from audio_ext.fluid import load_fluidsynth
from audio_ext.performance import tempo_clock
from audio_ext.render import render_frames
from audio_ext.soundfonts import carried_soundfont

TPQ = 480
RATE = 44100


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "fluidsynth" and load_fluidsynth() is None:
        pytest.skip("no libfluidsynth here")
    return str(request.param)


@pytest.fixture(scope="module")
def sine(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(sine_soundfont(tmp_path_factory.mktemp("sine") / "sine.sf2", [(0, 0), (128, 0)]))


def heard(song: Song, soundfont: str | None, engine: str, rate: int = RATE, **rest: bool) -> np.ndarray:
    """The sum of all stems, float32 (2, frames)."""
    settings = Settings(engine=engine, soundfont=soundfont, rate=rate, lufs=None, reverb=rest.get("reverb", False))
    return np.asarray(np.sum(list(render_frames(song, settings).values()), axis=0))


def one_note(pitch: int, **rest: object) -> Song:
    return Song(TPQ, (Track("Lead", 0, False, (Note(TPQ, 4 * TPQ, pitch, 100, **rest),)),))  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("pitch", [28, 40, 64, 69, 88, 100])
def test_a_note_has_its_pitch_within_two_cents(pitch: int, rate: int, engine: str, sine: str) -> None:
    middle = heard(one_note(pitch), sine, engine, rate)[0, int(0.8 * rate) : int(2.3 * rate)]
    assert abs(cents(fundamental(middle, rate), key_hertz(pitch))) < 2


@pytest.mark.parametrize("semitones", [-12.0, -0.5, 0.25, 1.0, 2.0, 7.0])
def test_a_bent_note_has_its_pitch_within_two_cents(semitones: float, engine: str, sine: str) -> None:
    song = one_note(60, techniques=("bend",), bend=((0.0, semitones), (1.0, semitones)))
    middle = heard(song, sine, engine)[0, int(0.8 * RATE) : int(2.3 * RATE)]
    assert abs(cents(fundamental(middle, RATE), key_hertz(60 + semitones))) < 2


def test_a_bend_arrives_half_way_when_it_should(engine: str, sine: str) -> None:
    """Frequency of a bend that rises by two semitones over two seconds, read off the zero crossings."""
    frames = heard(one_note(81, techniques=("bend",), bend=((0.0, 0.0), (1.0, 2.0))), sine, engine)[0]
    rising = np.flatnonzero((frames[:-1] < 0) & (frames[1:] >= 0))
    places = rising + frames[rising] / (frames[rising] - frames[rising + 1])
    for seconds in (0.5, 1.0, 1.5):
        around = places[np.abs(places / RATE - (0.5 + seconds)) < 0.02]
        pitch = (len(around) - 1) * RATE / (around[-1] - around[0])
        assert abs(cents(pitch, key_hertz(81 + seconds))) < 6  # over 40 ms it moves by 4 cents


def test_onsets_stand_within_two_milliseconds_for_five_minutes(engine: str, sine: str) -> None:
    ticks = np.arange(0, 600 * TPQ, TPQ + 7)
    tempos = tuple(Tempo(at * 20 * TPQ, 70.0 + 13.7 * ((at * 7) % 11)) for at in range(30))
    notes = tuple(Note(int(tick), TPQ // 4, 93, 120) for tick in ticks)
    song = Song(TPQ, (Track("Lead", 0, False, notes),), tempos)
    clock = tempo_clock(song)
    meant = np.array([clock(tick) for tick in ticks])
    assert meant[-1] > 240
    frames = heard(song, sine, engine)[0]
    found = onsets(frames, RATE, threshold=0.1 * np.abs(frames).max(), gap=0.05)
    assert len(found) == len(meant)
    assert np.abs(found - meant).max() < 0.002


def test_silence_is_silence(engine: str, sine: str) -> None:
    """With the reverb, before and between notes, and far behind them."""
    song = Song(TPQ, (Track("Lead", 0, False, (Note(4 * TPQ, TPQ, 69), Note(20 * TPQ, TPQ, 69))),))
    frames = heard(song, sine, engine, reverb=True)
    steps = np.abs(np.rint(frames * (1 << 23)))
    assert steps[:, : int(1.99 * RATE)].max() == 0
    assert steps[:, int(7 * RATE) : int(9.99 * RATE)].max() == 0
    assert steps[:, int(10.1 * RATE) : int(10.2 * RATE)].max() > 1000


def test_the_same_song_gives_the_same_bits(engine: str) -> None:
    if carried_soundfont() is None:
        pytest.skip("no SoundFont is installed")
    song = band()
    assert np.array_equal(heard(song, None, engine, reverb=True), heard(song, None, engine, reverb=True))


def test_a_velocity_is_as_loud_as_the_specification_says(engine: str, sine: str) -> None:
    """40 log10(v / 127) decibels (SoundFont 2.04, section 8.4.1)."""

    def level(velocity: int) -> float:
        song = Song(TPQ, (Track("Lead", 0, False, (Note(TPQ, 4 * TPQ, 69, velocity),)),))
        return 20 * np.log10(np.abs(heard(song, sine, engine)[0, RATE : 2 * RATE]).max())

    full = level(127)
    for velocity in (16, 40, 64, 100):
        assert level(velocity) - full == pytest.approx(40 * np.log10(velocity / 127), abs=0.3)


def test_tracks_do_not_bend_each_other(engine: str, sine: str) -> None:
    """Forty tracks, one of them bent: the others stay where they are."""
    tracks = [Track(str(at), 0, False, (Note(0, 4 * TPQ, 50 + at, 90),)) for at in range(39)]
    bent = Note(0, 4 * TPQ, 100, 127, techniques=("bend",), bend=((0.0, 1.0), (1.0, 1.0)))
    frames = heard(Song(TPQ, (*tracks, Track("bent", 0, False, (bent,)))), sine, engine)[0, RATE // 4 : RATE * 7 // 4]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(len(frames)), 1 << 18))
    hertz = np.fft.rfftfreq(1 << 18, 1 / RATE)

    def strength(key: float) -> float:
        return float(spectrum[np.abs(hertz - key_hertz(key)) < 2].max())

    quietest = min(strength(key) for key in (*range(50, 89), 101))
    assert quietest > 20 * max(strength(key) for key in (100, 49.5, 69.5, 90.5))


def test_both_renderers_play_the_same_band() -> None:
    """Loudness over time of every stem is alike: the one has a plainer sound, but plays the same."""
    if load_fluidsynth() is None or carried_soundfont() is None:
        pytest.skip("FluidSynth or a SoundFont is missing")
    loud = []
    for engine in ENGINES:
        stems = render_frames(band(), Settings(engine=engine, reverb=False, lufs=None))
        loud.append({name: envelope(frames) for name, frames in stems.items()})
    first, second = loud
    offsets = []
    for name in first:
        heard = (first[name] > 1e-3) & (second[name] > 1e-3)
        assert np.corrcoef(first[name][heard], second[name][heard])[0, 1] > 0.85, name
        offsets.append(float(np.median(20 * np.log10(second[name][heard] / first[name][heard]))))
    assert max(offsets) - min(offsets) < 6


def envelope(frames: np.ndarray, hop: int = 2205) -> np.ndarray:
    mono = frames.mean(axis=0)[: frames.shape[1] // hop * hop].reshape(-1, hop)
    return np.asarray(np.sqrt((mono**2).mean(axis=1)))


def band() -> Song:
    """Two bars of four parts."""
    beats = range(8)
    drums = [Note(b * TPQ, 60, 36 if b % 2 == 0 else 38, 100) for b in beats]
    drums += [Note(b * TPQ // 2, 60, 42, 70) for b in range(16)]
    bass = [Note(b * TPQ, TPQ - 40, 33 + (b // 4) * 5, 95) for b in beats]
    chord = [Note(b * 2 * TPQ, 2 * TPQ, key, 80) for b in range(4) for key in (57, 60, 64)]
    keys = [Note(b * 4 * TPQ, 4 * TPQ, key, 70) for b in range(2) for key in (69, 72)]
    tracks = (
        ("Drums", 0, True, drums),
        ("Bass", 33, False, bass),
        ("Guitar", 26, False, chord),
        ("Organ", 16, False, keys),
    )
    return Song(TPQ, tuple(Track(name, program, drum, tuple(sorted(notes))) for name, program, drum, notes in tracks))


def test_a_closed_hi_hat_stops_an_open_one(tmp_path: Path, engine: str) -> None:
    """Through a sine of exclusive class 1: the second stroke ends the first."""
    font = sine_soundfont(tmp_path / "class.sf2", [(128, 0)], [(57, 1)])
    hats = Song(TPQ, (Track("Drums", 0, True, (Note(0, 4 * TPQ, 81), Note(TPQ, 4 * TPQ, 46))),))
    frames = heard(hats, str(font), engine)[0, int(0.6 * RATE) : int(1.4 * RATE)]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(len(frames)), 1 << 18))
    hertz = np.fft.rfftfreq(1 << 18, 1 / RATE)
    first, second = (spectrum[np.abs(hertz - key_hertz(key)) < 3].max() for key in (81, 46))
    assert second > 100 * first


def test_without_the_c_library_the_built_in_renderer_plays_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio_ext.fluid.load_fluidsynth", lambda: None)
    found, notes = find_engine()
    assert (found.name, notes) == ("built-in", (NO_LIBRARY,))
    with pytest.raises(AudioError, match="FluidSynth's C library is not installed"):
        find_engine("fluidsynth")
    with pytest.raises(AudioError, match="“wavetable” is no renderer"):
        find_engine("wavetable")


def test_the_built_in_renderer_gives_the_same_in_blocks_of_any_size(sine: str) -> None:
    from audio_ext.fallback import BuiltIn
    from audio_ext.performance import perform
    from audio_ext.soundfonts import choose_presets, find_soundfont

    performance, font = perform(band()), find_soundfont(sine)
    every = [lane for track in performance.tracks for lane in track]
    sizes = {}
    for size in (1000, 4096, 100_000):
        player = BuiltIn().open(font, choose_presets(font, performance), every, RATE, False)
        sizes[size] = np.concatenate([player.render(size) for _ in range(-(-100_000 // size))], axis=1)[:, :100_000]
    for one, other in pairwise(sizes.values()):
        assert np.abs(one - other).max() < 1e-6  # voices are summed in another order
