"""The page that refines a part's sound, with a tiny untrained model.

How a song is rendered, and how a stem is made, have tests of their own.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit")
pytest.importorskip("diffusers")
import soundfile
from app_pages import EXAMPLES, checked, finished, holder_of, keys, pressed, session_with_takes, texts, with_takes
from latent_tiny import WEAK, tiny_model_folder
from streamlit.testing.v1 import AppTest

from app.refining import Asked, Refining, honesty, refined, why_unrefined
from app.session import Session
from arranger.errors import ArrangerError
from arranger.parts import detect_parts
from arranger.song import Song
from audio_ext.band import Settings


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("models"), limits="Drums only.")


@pytest.fixture(autouse=True)
def _no_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """The song sounds at once: 12 seconds of noise for each part that it has."""

    def played(song: Song, settings: Settings) -> dict[str, np.ndarray]:
        parts = {role.role for role in detect_parts(song, settings.roles) if song.tracks[role.track].notes}
        heard = sorted(parts & set(settings.desk.only or parts) or parts)
        rng = np.random.default_rng(0)
        return {part: rng.normal(0, 0.05, (2, 12 * 44_100)).astype(np.float32) for part in heard}

    monkeypatch.setattr("audio_ext.render.render_frames", played)
    monkeypatch.setattr("audio_ext.latent.guide.render_frames", played)


@pytest.fixture
def models(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARRANGER_AUDIO_MODELS", str(tiny))
    return tiny


def refine_page(page: AppTest) -> AppTest:
    page.segmented_control(key="view").set_value("refine")
    return checked(page.run())


def test_without_models_the_page_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARRANGER_AUDIO_MODELS", str(tmp_path))
    page = refine_page(with_takes())
    assert "no model “subtractive”" in texts(page)
    assert "arranger-audio train" in texts(page)
    assert "refine" not in keys(page)
    assert honesty() is None


def test_without_the_extra_the_page_says_what_to_install(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *more: None if name == "diffusers" else found(name, *more))
    assert "arranger[latent]" in str(why_unrefined())


def test_a_takes_part_is_refined_and_heard_before_and_after(models: Path) -> None:
    page = refine_page(with_takes())
    assert f"Too weak to be useful: {WEAK} Drums only." in page.warning[0].value
    assert page.segmented_control(key="refine part").value == "guitar"
    page.segmented_control(key="refine span").set_value("10 seconds")
    page.slider(key="refine strength").set_value(0.1)
    page.text_input(key="refine prompt").set_value("add a soft guitar")
    page = finished(pressed(checked(page.run()), "refine"))
    shown = texts(page)
    assert "Before" in shown
    assert "After" in shown
    assert shown.count("data:image/png;base64,") == 2
    assert len(page.get("audio")) == 3
    assert len(page.get("download_button")) == 2
    found: Refining = holder_of(page).recall(("refined", ()))
    before, after, stem = (soundfile.read(io.BytesIO(data))[0] for data in (found.before, found.after, found.stem))
    assert before.shape == after.shape == stem.shape == (441_000, 2)
    assert 0 < np.abs(stem).max() <= 1
    assert np.abs(after - before).max() > 0
    page.segmented_control(key="view").set_value("song").run()
    page = refine_page(page)
    assert page.text_input(key="refine prompt").value == "add a soft guitar"


def test_strength_nought_changes_nothing(models: Path) -> None:
    session = session_with_takes("three-four.mid")
    asked = Asked("guitar", strength=0.0, seconds=4.0)
    found = refined(session, asked, None, False, lambda share: None)
    assert found.before == found.after


def test_a_recording_gets_the_songs_part(models: Path) -> None:
    session = session_with_takes("three-four.mid")
    sound = io.BytesIO()
    soundfile.write(sound, 0.1 * np.sin(np.arange(32_000)), 16_000, format="WAV")
    demo = ("demo.wav", sound.getvalue())
    shares: list[float] = []
    found = refined(session, Asked("guitar", strength=0.0, begin=1.0), demo, True, shares.append)
    before, stem = (soundfile.read(io.BytesIO(data)) for data in (found.before, found.stem))
    assert before[1] == 16_000
    assert len(before[0]) == len(stem[0]) == 16_000
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("asked", "recording", "told"),
    [
        (Asked("guitar", begin=500.0), None, "ends at"),
        (Asked("bass", led=True), None, "no bass that could lead"),
        (Asked("guitar"), ("../x/demo.wav", b"RIFF nonsense"), "demo.wav: it can't be read"),
    ],
)
def test_what_cannot_be_refined_is_told_in_a_sentence(
    models: Path, asked: Asked, recording: tuple[str, bytes] | None, told: str
) -> None:
    session = session_with_takes("three-four.mid")
    if asked.part == "bass":
        session = Session("night-bus.mid", (EXAMPLES / "night-bus.mid").read_bytes())
    with pytest.raises(ArrangerError, match=told) as err:
        refined(session, asked, recording, False, lambda share: None)
    assert "/" not in str(err.value)
