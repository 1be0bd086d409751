"""Somebody else's ear: what basic-pitch hears in rendered stems are the notes that were rendered.

basic-pitch (Spotify, Apache 2.0) has its network as ONNX in its wheel; it is run here without the rest of the package,
which would want TensorFlow or librosa. Install with `pip install --no-deps basic-pitch`; without it these are skipped.
Its frames: 22,050 Hz, hops of 256, windows of 43,844 samples that overlap by 30 frames (basic_pitch/inference.py).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from arranger.files import load_song
from arranger.song import Song
from audio_ext.band import Settings
from audio_ext.engine import ENGINES
from audio_ext.fluid import load_fluidsynth
from audio_ext.performance import perform
from audio_ext.render import render_frames
from audio_ext.soundfonts import carried_soundfont

SONG = Path(__file__).parents[2] / "examples" / "paper-boats.gp5"
RATE, HOP, WINDOW, OVERLAP = 22050, 256, 43844, 30
LOWEST, KEYS = 21, 88
THRESHOLD = 0.3
SECONDS = 40.0


@pytest.fixture(scope="module")
def network() -> Path:
    spec = find_spec("basic_pitch")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("basic-pitch is not installed")
    return Path(spec.submodule_search_locations[0]) / "saved_models" / "icassp_2022" / "nmp.onnx"


def heard_frames(frames: np.ndarray, network: Path) -> np.ndarray:
    """Probability of each key in each frame, float (frame, key), of mono audio at `RATE`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    step, half = WINDOW - OVERLAP * HOP, OVERLAP // 2
    padded = np.concatenate([np.zeros(half * HOP, np.float32), frames, np.zeros(WINDOW, np.float32)])
    found = []
    for begin in range(0, len(frames), step):
        window = padded[begin : begin + WINDOW].reshape(1, WINDOW, 1).astype(np.float32)
        (notes,) = session.run(["StatefulPartitionedCall:1"], {session.get_inputs()[0].name: window})
        found.append(notes[0, half:-half])
    return np.concatenate(found)[: len(frames) // HOP]


def true_frames(song: Song, tracks: list[int], count: int) -> np.ndarray:
    """Which keys sound in each frame, bool (frame, key)."""
    truth = np.zeros((count, KEYS), bool)
    for lanes in perform(song, tracks).tracks:
        for lane in lanes:
            for sound in lane.sounds:
                begin, end = round(sound.start * RATE / HOP), round(sound.end * RATE / HOP)
                truth[begin : max(begin + 1, end), sound.pitch - LOWEST] = True
    return truth


def frame_f1(truth: np.ndarray, heard: np.ndarray) -> float:
    both = int((truth & heard).sum())
    return 2 * both / max(1, int(truth.sum()) + int(heard.sum()))


@pytest.mark.slow
@pytest.mark.parametrize(("part", "least"), [("bass", 0.75), ("guitar", 0.85)])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_notes_are_heard(part: str, least: float, engine: str, network: Path) -> None:
    signal = pytest.importorskip("scipy.signal")
    if carried_soundfont() is None or (engine == "fluidsynth" and load_fluidsynth() is None):
        pytest.skip("FluidSynth or a SoundFont is missing")
    from arranger.parts import detect_parts, tracks_of

    song = load_song(SONG)
    stems = render_frames(song, Settings(engine=engine, reverb=False))
    mono = stems[part][:, : int(SECONDS * 44100)].mean(axis=0)
    heard = heard_frames(signal.resample_poly(mono, 1, 2), network) > THRESHOLD
    truth = true_frames(song, list(tracks_of(detect_parts(song), song, part)), 1 << 16)[: len(heard)]
    assert frame_f1(truth, heard) >= least
    # The measure itself: a semitone or two seconds beside the truth is not heard as right.
    assert frame_f1(np.roll(truth, 1, axis=1), heard) < 0.2
    assert frame_f1(np.roll(truth, 2 * RATE // HOP, axis=0), heard) < 0.6
