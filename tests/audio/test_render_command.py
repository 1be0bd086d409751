"""`arranger render` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sine_soundfont import sine_soundfont

ROOT = Path(__file__).parents[2]
SONG = ROOT / "examples" / "three-four.mid"


@pytest.fixture(scope="module")
def sine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sine_soundfont(tmp_path_factory.mktemp("sine") / "sine.sf2", [(0, program) for program in range(128)])


def render(*arguments: str | Path, blocked: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command; `blocked` packages look as if they were not installed."""
    code = f"import sys\nfor name in {list(blocked)!r}: sys.modules[name] = None\nfrom arranger.cli import main\nmain()"
    command = [sys.executable, "-c", code, "render", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def test_mix_and_stems_are_written_and_told(tmp_path: Path, sine: Path) -> None:
    out, stems = tmp_path / "mix.wav", tmp_path / "stems"
    result = render(SONG, "-o", out, "--stems", stems, "--soundfont", sine, "--gain", "bass=-6", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["mix"] == str(out)
    assert set(told["stems"]) == {path.stem for path in stems.iterdir()}
    assert told["lufs"] <= -13.9
    assert told["rate"] == 44100
    assert any("no drum kit; drums are silent" in note for note in told["notes"])
    total = np.sum([soundfile.read(path)[0] for path in stems.iterdir()], axis=0)
    assert np.abs(total - soundfile.read(out)[0]).max() < 1e-9


def test_without_a_name_the_file_stands_beside_the_song(tmp_path: Path, sine: Path) -> None:
    song = tmp_path / "song.mid"
    song.write_bytes(SONG.read_bytes())
    result = render(song, "--soundfont", sine, "--only", "bass")
    assert result.returncode == 0, result.stderr
    assert f"Wrote {tmp_path / 'song.wav'}." in result.stdout
    assert "LUFS" in result.stdout
    refused(render(song, "--soundfont", sine), 3, "song.wav: the file exists already", "--force")
    refused(render(song, "-o", song, "--force"), 3, "it is the song that was read")


def test_a_machine_without_the_c_library_renders_all_the_same(tmp_path: Path) -> None:
    result = render(SONG, "-o", tmp_path / "mix.flac", "--only", "bass", blocked=["fluidsynth"])
    assert result.returncode == 0, result.stderr
    assert "FluidSynth's C library is not installed, so the built-in renderer plays" in result.stderr
    assert soundfile.info(tmp_path / "mix.flac").duration > 5


@pytest.mark.parametrize("library", ["soundfile", "pyloudnorm", "scipy"])
def test_without_the_extra_the_way_to_it_is_said(library: str, tmp_path: Path, sine: Path) -> None:
    result = render(SONG, "-o", tmp_path / "mix.wav", "--soundfont", sine, blocked=[library, "fluidsynth"])
    refused(result, 3, library, "pip install 'arranger[audio]'")
    assert not list(tmp_path.iterdir())


def test_wrong_requests_have_their_exit_codes(tmp_path: Path, sine: Path) -> None:
    out = tmp_path / "mix.wav"
    refused(render(SONG, "-o", out, "--gain", "bass"), 2, "--gain bass=-3")
    refused(render(SONG, "-o", out, "--offset", "1"), 2, "--over")
    refused(render(SONG, "-o", out, "--gain", "violin=3", "--soundfont", sine), 4, "no “violin”")
    refused(render(SONG, "-o", out, "--by", "bar"), 4, "by part or by track")
    refused(render(SONG, "-o", out, "--soundfont", tmp_path / "none.sf2"), 3, "there is no such SoundFont")
    refused(render(SONG, "-o", out, "--rate", "22050"), 3, "Use 44100 or 48000")
    refused(render(tmp_path / "none.mid", "-o", out), 3, "there is no such file")
    assert not list(tmp_path.iterdir())
