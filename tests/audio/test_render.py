"""Files that are written: the mix is the sum of its stems to the last bit, as loud as asked, whole or not there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from sine_soundfont import sine_soundfont

from arranger.errors import FillRequestError
from arranger.song import Note, Song, Tempo, Track
from audio_ext.band import TAIL_SECONDS, Settings, open_band
from audio_ext.engine import ENGINES
from audio_ext.errors import AudioError
from audio_ext.fluid import load_fluidsynth
from audio_ext.loudness import CEILING_DB
from audio_ext.mix import Desk
from audio_ext.render import render_frames, render_song

TPQ = 480
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=ENGINES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "fluidsynth" and load_fluidsynth() is None:
        pytest.skip("no libfluidsynth here")
    font = sine_soundfont(tmp_path / "sine.sf2", [(0, 0), (128, 0)])
    return Settings(engine=request.param, soundfont=str(font))


def song(quarters: int = 16) -> Song:
    """Drums, bass, a guitar and a piano, all of sines."""

    def track(name: str, program: int, is_drum: bool, *pitches: int) -> Track:
        notes = (Note(at * TPQ, TPQ // 2, pitch, 60 + 5 * (at % 4)) for at in range(quarters) for pitch in pitches)
        return Track(name, program, is_drum, tuple(notes))

    tracks = (
        track("Kit", 0, True, 36, 42),
        track("Bass", 33, False, 40),
        track("Gtr", 27, False, 57, 64),
        track("P", 0, False, 76),
    )
    return Song(TPQ, tracks, (Tempo(0, 120.0), Tempo(8 * TPQ, 90.0)))


def steps(path: Path) -> np.ndarray:
    """Samples of a 24-bit file as whole numbers."""
    frames, _ = soundfile.read(path, dtype="int32", always_2d=True)
    assert not np.any(frames & 0xFF)
    return np.asarray(frames.astype(np.int64) >> 8)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_the_mix_is_the_sum_of_its_stems(suffix: str, settings: Settings, tmp_path: Path) -> None:
    desk = Desk({"bass": -3.3, "Gtr": 2}, {"guitar": 0.37})
    found = render_song(
        song(), tmp_path / f"mix{suffix}", stems=tmp_path / "stems", settings=replace(settings, desk=desk)
    )
    assert set(found.stems) == {"drums", "bass", "guitar", "other"}
    stems = [steps(path) for path in found.stems.values()]
    assert all(np.abs(stem).max() > 10_000 for stem in stems)
    assert np.array_equal(steps(tmp_path / f"mix{suffix}"), np.sum(stems, axis=0))
    info = soundfile.info(tmp_path / f"mix{suffix}")
    assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_24")
    assert info.frames / 44100 == pytest.approx(4 + 7.5 * 60 / 90 + TAIL_SECONDS, abs=0.001)


def test_the_mix_alone_is_the_same_to_a_bit_or_two(settings: Settings, tmp_path: Path) -> None:
    render_song(song(), tmp_path / "with.wav", stems=tmp_path / "stems", settings=settings)
    render_song(song(), tmp_path / "alone.wav", settings=settings)
    apart = np.abs(steps(tmp_path / "with.wav") - steps(tmp_path / "alone.wav"))
    assert apart.max() < 1 << 8  # under the last bit of 16


def test_the_same_request_writes_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav"):
        render_song(song(), tmp_path / name, settings=settings)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


@pytest.mark.parametrize("target", [-23.0, -18.0])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_mix_is_as_loud_as_asked(target: float, rate: int, settings: Settings, tmp_path: Path) -> None:
    found = render_song(song(), tmp_path / "mix.wav", settings=replace(settings, lufs=target, rate=rate))
    frames, heard_rate = soundfile.read(tmp_path / "mix.wav")
    assert heard_rate == rate
    assert pyloudnorm.Meter(rate).integrated_loudness(frames) == pytest.approx(target, abs=0.2)
    assert found.lufs == pytest.approx(target, abs=0.01)


def test_the_ceiling_wins_over_the_loudness_and_says_so(settings: Settings, tmp_path: Path) -> None:
    clicks = Song(TPQ, (Track("P", 0, False, tuple(Note(at * 4 * TPQ, 20, 60, 127) for at in range(6))),))
    found = render_song(clicks, tmp_path / "mix.wav", settings=settings)
    assert np.abs(soundfile.read(tmp_path / "mix.wav")[0]).max() <= 10 ** (CEILING_DB / 20) + 1e-6
    assert found.true_peak_db == pytest.approx(CEILING_DB)
    assert found.lufs < -14.5
    assert any("not -14" in note for note in found.notes)


@pytest.mark.parametrize(("suffix", "kind"), [(".ogg", "VORBIS"), (".mp3", "MPEG_LAYER_III")])
def test_compressed_files_hold_the_mix(suffix: str, kind: str, settings: Settings, tmp_path: Path) -> None:
    render_song(song(), tmp_path / f"mix{suffix}", settings=settings)
    render_song(song(), tmp_path / "mix.wav", settings=settings)
    assert soundfile.info(tmp_path / f"mix{suffix}").subtype == kind
    near, exact = (soundfile.read(tmp_path / f"mix{one}")[0] for one in (suffix, ".wav"))
    length = min(len(near), len(exact))
    apart = near[:length] - exact[:length]
    assert np.sqrt((apart**2).mean()) < 0.05 * np.sqrt((exact**2).mean())


def test_mute_and_only_leave_the_others_where_they_are(settings: Settings, tmp_path: Path) -> None:
    """Sample for sample: a part alone is what it is within the band, up to the common gain."""
    raw = replace(settings, lufs=None)
    every = render_frames(song(), raw)
    alone = render_frames(song(), replace(raw, desk=Desk(only=("bass",))))
    rest = render_frames(song(), replace(raw, desk=Desk(mutes=("bass",))))
    assert set(alone) == {"bass"}
    assert set(rest) == {"drums", "guitar", "other"}
    assert alone["bass"].shape == every["bass"].shape
    assert np.abs(alone["bass"] - every["bass"]).max() < 1e-6
    assert all(np.abs(rest[name] - every[name]).max() < 1e-6 for name in rest)


def test_a_pan_to_the_left_leaves_the_right_silent(settings: Settings) -> None:
    frames = render_frames(song(), replace(settings, desk=Desk(pans={"other": -1}, only=("other",))))["other"]
    assert np.abs(frames[0]).max() > 0.01
    assert np.abs(frames[1]).max() == 0


def test_stems_by_track_have_the_names_of_tracks(settings: Settings, tmp_path: Path) -> None:
    found = render_song(song(), stems=tmp_path / "stems", settings=replace(settings, by="track"))
    assert found.mix is None
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == [
        "01 Kit.wav",
        "02 Bass.wav",
        "03 Gtr.wav",
        "04 P.wav",
    ]


def test_progress_only_grows_and_ends_at_one(settings: Settings, tmp_path: Path) -> None:
    told: list[float] = []
    render_song(song(), tmp_path / "mix.wav", settings=settings, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_long_songs_are_streamed(settings: Settings) -> None:
    """No block is larger than a third of a second or so, whatever the song's length."""
    band = open_band(song(100), settings)
    assert max(frames.shape[1] for block in band.blocks() for frames in block) <= 1 << 14


def test_what_cannot_be_written_is_told_before_the_work(settings: Settings, tmp_path: Path) -> None:
    there = tmp_path / "there.wav"
    there.write_bytes(b"mine")
    with pytest.raises(AudioError, match="the file exists already"):
        render_song(song(), there, settings=settings)
    with pytest.raises(AudioError, match=r"“\.aiff” is no kind of audio file"):
        render_song(song(), tmp_path / "mix.aiff", settings=settings)
    with pytest.raises(AudioError, match="does not exist"):
        render_song(song(), tmp_path / "no" / "mix.wav", settings=settings)
    with pytest.raises(AudioError, match="can't be rendered"):
        render_song(song(), tmp_path / "mix.wav", settings=replace(settings, rate=8000))
    with pytest.raises(FillRequestError, match="no “violin”"):
        render_song(
            song(), tmp_path / "mix.wav", stems=tmp_path / "s", settings=replace(settings, desk=Desk({"violin": 1}))
        )
    assert there.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sine.sf2", "there.wav"]


def test_an_error_on_the_way_leaves_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise AudioError("mix.wav", "it broke")

    monkeypatch.setattr("audio_ext.writing.AudioWriter.write", broken)
    with pytest.raises(AudioError, match="it broke"):
        render_song(song(), tmp_path / "mix.wav", stems=tmp_path / "stems", settings=settings)
    assert [path.name for path in tmp_path.iterdir()] == ["sine.sf2"]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {tests!r})
from test_render import song
from audio_ext.band import Settings
from audio_ext.errors import AudioError
from audio_ext.render import render_song
from audio_ext.writing import AudioWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
folder = Path({folder!r})
try:
    settings = Settings(soundfont={font!r}, engine="built-in")
    render_song(song(), folder / "mix.wav", stems=folder / "stems", settings=settings)
except AudioError as err:
    print(err)
noise = np.random.default_rng(0).integers(-(1 << 22), 1 << 22, (2, 1 << 20), np.int32)
for suffix in ("wav", "flac", "ogg", "mp3"):
    try:
        with AudioWriter(folder / f"noise.{{suffix}}", 44100, 1 << 20, False) as writer:
            for begin in range(0, 1 << 20, 1 << 14):
                writer.write(noise[:, begin : begin + (1 << 14)])
    except AudioError as err:
        print(err)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Be it full of the frames that are kept between the rounds, or of a file of any kind."""
    font, out = sine_soundfont(tmp_path / "sine.sf2", [(0, 0), (128, 0)]), tmp_path / "out"
    out.mkdir()
    code = FULL_DISK.format(tests=str(Path(__file__).parent), font=str(font), folder=str(out))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in said] == ["mix.wav", "noise.wav", "noise.flac", "noise.ogg", "noise.mp3"]
    assert all("can't be written" in line and "disk full" in line for line in said)
    assert not list(out.iterdir())
