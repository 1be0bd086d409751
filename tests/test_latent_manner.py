"""How a stem plays, told from notes that are known to play so, and the instructions built of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from audio_ext.errors import AudioError
from audio_ext.latent.instructions import caption, instruction, plain, read_instructions
from audio_ext.latent.manner import density_word, manner, sound_word, tempo_word
from audio_ext.latent.windows import STEMS, Facts, Note

QUARTER = 0.5
BEATS = tuple((0.1 + QUARTER * i, i % 4) for i in range(20))
KICK, SNARE, HAT, CRASH, RIDE, TOM = 36, 38, 42, 49, 51, 45


def at(bar: int, beat: float) -> float:
    return 0.1 + QUARTER * (4 * bar + beat)


def struck(key: int, beats: Iterable[float], length: float = 0.1) -> list[Note]:
    """A stroke on these beats of each of five bars."""
    beats = list(beats)
    return [(at(bar, beat), at(bar, beat) + length, key, 100) for bar in range(5) for beat in beats]


def facts(stem: str, notes: Iterable[Note], **more: object) -> Facts:
    return Facts("song", notes={stem: tuple(sorted(notes))}, beats=BEATS, **more)  # type: ignore[arg-type]


EIGHTHS = [i / 2 for i in range(8)]
ROCK = [*struck(HAT, EIGHTHS), *struck(KICK, [0, 2]), *struck(SNARE, [1, 3])]
SHUFFLE = [*struck(HAT, [b + o for b in range(4) for o in (0, 2 / 3)]), *struck(KICK, [0, 2]), *struck(SNARE, [1, 3])]
HALF = [*struck(HAT, EIGHTHS), *struck(KICK, [0]), *struck(SNARE, [2])]
DISCO = [*struck(HAT, [0.5, 1.5, 2.5, 3.5]), *struck(KICK, range(4)), *struck(SNARE, [1, 3])]


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        (ROCK, {"straight", "backbeat"}),
        (SHUFFLE, {"shuffle", "backbeat"}),
        (HALF, {"straight", "half-time"}),
        (DISCO, {"straight", "backbeat", "four-on-the-floor"}),
        ([*struck(RIDE, EIGHTHS), *struck(KICK, [0]), *struck(HAT, [1])], {"straight", "ride"}),
        ([*ROCK, *struck(CRASH, [0])], {"straight", "backbeat", "crashes"}),
        ([*struck(TOM, EIGHTHS), *struck(KICK, [0, 2])], {"straight", "toms"}),
        (struck(KICK, [0]), set()),
    ],
)
def test_drums(notes: list[Note], words: set[str]) -> None:
    assert set(manner(facts("drums", notes), "drums")) == words


def test_drums_that_are_not_quite_on_the_beat() -> None:
    rng = np.random.default_rng(0)
    loose = [(start + float(rng.normal(0, 0.008)), end, key, velocity) for start, end, key, velocity in SHUFFLE]
    assert manner(facts("drums", loose), "drums") == ("shuffle", "backbeat")


def test_without_beats_no_word_that_needs_them() -> None:
    known = Facts("song", notes={"drums": tuple(sorted([*SHUFFLE, *struck(CRASH, [0])]))})
    assert manner(known, "drums") == ("crashes",)


def line(pitches: list[int], beats: list[float], length: float = 0.2) -> list[Note]:
    return [
        (at(bar, beat), at(bar, beat) + length, pitch, 90)
        for bar in range(5)
        for beat, pitch in zip(beats, pitches, strict=True)
    ]


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        (line([40] * 8, EIGHTHS), {"roots"}),
        (line([40, 43, 45, 47], [0, 1, 2, 3]), {"walking"}),
        (line([40, 52] * 4, EIGHTHS), {"roots", "octaves"}),
        (line([40, 43, 47], [0.5, 1.5, 2.5]), {"off-beat"}),
        (line([40, 47, 52, 55, 43, 40, 45, 50], EIGHTHS), set()),
    ],
)
def test_bass(notes: list[Note], words: set[str]) -> None:
    assert set(manner(facts("bass", notes), "bass")) == words


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        (
            [(t + 0.005 * i, t + 0.4, p, 90) for t in np.arange(0.1, 9, 0.5) for i, p in enumerate((40, 47, 52))],
            {"strummed"},
        ),
        (line([52, 55, 59, 64], [0, 0.5, 1, 1.5], length=0.9), {"picked"}),
        (line([64, 65, 67, 69], [0, 0.5, 1, 1.5], length=0.2), {"single-note"}),
    ],
)
def test_guitar(notes: list[Note], words: set[str]) -> None:
    assert set(manner(facts("guitar", notes), "guitar")) == words


def test_words_for_density_tempo_and_sound() -> None:
    for density, word in ((1.0, "sparse"), (4.0, "steady"), (9.0, "busy")):
        assert density_word(Facts("s", density={"drums": density}), "drums") == word
    assert [tempo_word(Facts("s", tempo_qpm=q)) for q in (0, 60, 100, 120, 180)] == [
        "",
        "slow",
        "medium tempo",
        "upbeat",
        "fast",
    ]
    known = Facts("s", programs={"guitar": 30, "bass": 36, "other": 19, "drums": 0})
    assert [sound_word(known, stem) for stem in STEMS] == ["", "slap", "distorted", "organ"]
    assert density_word(Facts("s"), "bass") == sound_word(Facts("s"), "bass") == ""
    with pytest.raises(ValueError, match="no stem"):
        manner(Facts("s"), "vocals")


KNOWN = facts("drums", [*SHUFFLE, *struck(CRASH, [0])], tempo_qpm=120.0, style="blues", density={"drums": 6.0})


def test_instructions_vary_and_say_only_what_is_known() -> None:
    texts = [instruction(KNOWN, "drums", np.random.default_rng(seed)) for seed in range(600)]
    assert len(set(texts)) > 200
    assert all("drum" in text.lower() and len(text) < 200 for text in texts)
    assert 0.07 < sum(text == "add drums" for text in texts) / 600 < 0.15
    said = Counter(word for text in texts for word in ("shuffl", "swinging", "crash", "blues", "tempo") if word in text)
    # Each is said about six times of ten: a model must do without any of them.
    assert 250 < said["blues"] < 450
    assert 250 < said["shuffl"] + said["swinging"] < 450
    assert 250 < said["crash"] < 450
    never = ("straight", "half-time", "ride", "toms", "sparse", "rock", "slow", "guitar")
    assert not [text for text in texts if any(word in text for word in never)]


def test_a_seed_gives_the_same_instruction() -> None:
    one, other = (instruction(KNOWN, "drums", np.random.default_rng(3)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("part", STEMS)
def test_nothing_known_is_a_plain_instruction(part: str) -> None:
    assert {instruction(Facts("s"), part, np.random.default_rng(seed)) for seed in range(50)} == {plain(part)}


def test_articles() -> None:
    known = Facts("s", programs={"guitar": 25})
    texts = {instruction(known, "guitar", np.random.default_rng(seed)) for seed in range(200)}
    assert any(" an acoustic guitar" in text for text in texts)
    assert not [text for text in texts if " a a" in text or " an g" in text]


def test_captions_are_short_and_name_what_is_there() -> None:
    known = Facts("s", style="rock", programs={"other": 0})
    assert caption(known, ("bass", "drums")) == "rock mix with drums and bass"
    assert caption(known, STEMS) == "rock mix with full band"
    assert caption(known, STEMS[1:]) == "rock mix with bass, guitar, piano"
    assert caption(known, ()) == "silent rock mix"
    assert caption(Facts("s", tempo_qpm=100.0), ("guitar",)) == "medium mix with guitar"
    assert caption(Facts("s"), ("other",)) == "music mix with other instruments"
    with pytest.raises(ValueError, match="no stem"):
        caption(known, ("vocals",))


LINE = '{"song": "a/b.mid", "start": 12.34, "part": "drums", "instruction": " play it loud "}\n'


def test_instructions_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text(LINE + "\n" + LINE.replace("drums", "bass").replace("12.34", "5"), encoding="utf-8")
    assert read_instructions(path) == {
        ("a/b.mid", 12.34, "drums"): "play it loud",
        ("a/b.mid", 5.0, "bass"): "play it loud",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "hello",
        "[1, 2]",
        '"text"',
        LINE.replace("drums", "vocals"),
        LINE.replace("12.34", '"soon"'),
        LINE.replace("12.34", "NaN"),
        LINE.replace("12.34", "true"),
        LINE.replace(" play it loud ", "x" * 501),
        LINE.replace(" play it loud ", " "),
        LINE.replace('"song"', '"sing"'),
        "[" * 100_000,
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text(LINE + wrong, encoding="utf-8")
    with pytest.raises(AudioError, match=r"said.jsonl \(line 2\).*A line looks like"):
        read_instructions(path)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"\xff\xfe\x00")
    for name in ("x.jsonl", "missing.jsonl"):
        with pytest.raises(AudioError, match="can't be read"):
            read_instructions(tmp_path / name)
