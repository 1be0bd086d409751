"""Reading SoundFonts, whole and broken, and choosing among their presets."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sine_soundfont import KEY, PERIOD, PERIODS, RATE, sine_soundfont

from arranger.song import Note, Song, Track
from audio_ext.errors import AudioError
from audio_ext.fluid import load_fluidsynth
from audio_ext.performance import perform
from audio_ext.sf2 import SoundFont, open_soundfont
from audio_ext.soundfonts import VARIABLE, Choice, carried_soundfont, choose_presets, find_soundfont


@pytest.fixture
def carried() -> SoundFont:
    path = carried_soundfont()
    if path is None:
        pytest.skip("no SoundFont is installed")
    return open_soundfont(path)


def test_a_sine_is_read_as_it_was_written(tmp_path: Path) -> None:
    font = open_soundfont(sine_soundfont(tmp_path / "a.sf2", [(0, 3), (128, 0)], [(48, 60)]))
    assert set(font.presets) == {(0, 3), (128, 0)}
    (zone,) = font.zones(0, 3)
    assert (zone.keys, zone.velocities, zone.generators) == ((0, 127), (0, 127), {48: 60, 54: 1})
    sample = font.sample(zone.sample)
    assert sample is not None
    assert (sample.rate, sample.pitch, sample.loop) == (RATE, KEY, (PERIOD, PERIOD * PERIODS - PERIOD))
    assert sample.frames[PERIOD // 4] == pytest.approx(0.5)


def test_general_midi_is_complete_in_the_carried_one(carried: SoundFont) -> None:
    assert {(0, program) for program in range(128)} | {(128, 0)} <= set(carried.presets)
    for program in (0, 27, 33, 48):
        covered = {key for zone in carried.zones(0, program) for key in range(zone.keys[0], zone.keys[1] + 1)}
        assert set(range(28, 90)) <= covered
        assert all(carried.sample(zone.sample) is not None for zone in carried.zones(0, program))


def test_fluidsynth_reads_the_same_names(carried: SoundFont) -> None:
    engine = load_fluidsynth()
    if engine is None:
        pytest.skip("no libfluidsynth here")
    synth = engine.module.Synth()
    number = synth.sfload(str(carried.path))
    for (bank, program), index in carried.presets.items():
        assert synth.sfpreset_name(number, bank, program).strip() == carried.names[index]
    synth.delete()


def test_what_is_missing_or_no_soundfont_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match=r"none\.sf2: there is no such SoundFont"):
        find_soundfont(tmp_path / "none.sf2")
    with pytest.raises(AudioError, match="it is a folder"):
        find_soundfont(tmp_path)
    text = tmp_path / "text.sf2"
    text.write_text("no RIFF here")
    with pytest.raises(AudioError, match="it is not a SoundFont"):
        find_soundfont(text)
    monkeypatch.setenv(VARIABLE, str(text))
    with pytest.raises(AudioError, match=f"environment variable {VARIABLE} names it"):
        find_soundfont()
    monkeypatch.setenv(VARIABLE, str(sine_soundfont(tmp_path / "sine.sf2")))
    assert find_soundfont().path.name == "sine.sf2"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("audio_ext.soundfonts.find_spec", lambda name: None)
    with pytest.raises(AudioError, match=r"pip install 'arranger\[audio\]'"):
        find_soundfont()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sine_soundfont(tmp_path_factory.mktemp("whole") / "sine.sf2").read_bytes()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    body = bytearray(whole)
    tables = whole.index(b"pdta")
    for _ in range(data.draw(st.integers(0, 8))):
        body[data.draw(st.integers(tables, len(body) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.sf2"
    path.write_bytes(bytes(body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body))
    try:
        font = open_soundfont(path)
    except AudioError:
        return
    for preset in font.presets:
        for zone in font.zones(*preset):
            sample = font.sample(zone.sample)
            assert sample is None or len(sample.frames)


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_a_chunk_of_odd_length_may_lack_its_padding(whole: bytes, tmp_path: Path, padding: bytes) -> None:
    """MuseScore's SoundFonts lack it (Debian's musescore-general-soundfont-small, for one)."""
    at = whole.index(b"sdta") - 8  # behind LIST and its length
    (length,) = struct.unpack("<I", whole[at + 4 : at + 8])
    end = at + 8 + length
    odd = b"odd " + struct.pack("<I", 1) + b"x"
    data = whole[: at + 4] + struct.pack("<I", length + len(odd)) + whole[at + 8 : end] + odd + padding + whole[end:]
    path = tmp_path / "odd.sf2"
    path.write_bytes(data)
    assert open_soundfont(path).presets == {(0, 0): 0}


def test_a_table_that_points_outside_is_told(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.sf2"
    at = whole.index(b"ibag") + 8
    path.write_bytes(whole[:at] + struct.pack("<H", 9999) + whole[at + 2 :])
    with pytest.raises(AudioError, match="the SoundFont is damaged: its table “ibag” points outside of “igen”"):
        open_soundfont(path)


def chosen(font: SoundFont, *tracks: tuple[int, bool]) -> Choice:
    note = (Note(0, 480, 60),)
    song = Song(480, tuple(Track("", program, is_drum, note) for program, is_drum in tracks))
    return choose_presets(font, perform(song))


def test_a_program_that_is_missing_is_played_by_the_nearest_and_told(tmp_path: Path) -> None:
    font = open_soundfont(sine_soundfont(tmp_path / "a.sf2", [(0, 0), (0, 24), (0, 30)]))
    choice = chosen(font, (0, False), (29, False), (56, False), (0, True))
    assert choice.presets == {(0, False): (0, 0), (29, False): (0, 30), (56, False): (0, 0), (0, True): None}
    assert choice.notes == (
        "a.sf2 has no drum kit; drums are silent.",
        "a.sf2 has no program 30; program 31 (Sine 0/30) plays it.",
        "a.sf2 has no program 57; program 1 (Sine 0/0) plays it.",
    )


def test_a_soundfont_that_can_play_nothing_of_a_song_is_refused(tmp_path: Path) -> None:
    font = open_soundfont(sine_soundfont(tmp_path / "kit.sf2", [(128, 0)]))
    assert chosen(font, (8, True)).notes == ()
    with pytest.raises(AudioError, match="no preset that could play this song"):
        chosen(font, (0, False))


def test_compressed_samples_are_read(tmp_path: Path) -> None:
    """SoundFont 3: the sample is an Ogg Vorbis file, and its span counts bytes."""
    soundfile = pytest.importorskip("soundfile")
    plain = open_soundfont(sine_soundfont(tmp_path / "a.sf2"))
    before = plain.sample(0)
    assert before is not None
    soundfile.write(tmp_path / "a.ogg", before.frames, RATE)
    sine_soundfont(tmp_path / "a.sf3", ogg=(tmp_path / "a.ogg").read_bytes())
    after = open_soundfont(tmp_path / "a.sf3").sample(0)
    assert after is not None
    assert after.loop == before.loop
    middle = slice(500, 3500)
    assert np.abs(after.frames[middle] - before.frames[middle]).max() < 0.02
