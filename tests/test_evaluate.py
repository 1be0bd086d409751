"""The evaluation catches what it should: every broken filler fails the measure that is about its fault."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from arranger.cli.eval_command import eval_command, song_files
from arranger.errors import ArrangerError, FillRequestError, SongFileError
from arranger.evaluation.evaluate import (
    Filler,
    Planes,
    Report,
    Score,
    evaluate,
    model_filler,
    render_table,
    rules_filler,
    strip_part,
    summarise,
    tile_bars,
    to_json,
)
from arranger.evaluation.fillers import part_planes
from arranger.evaluation.report import bootstrap_interval
from arranger.fills import Fill, PartFill
from arranger.grid import bar_step_table
from arranger.parts import PARTS, Role, detect_parts
from arranger.song import Note, Song, TimeSignature, Track

QUARTER = 480
BARS = 8


def band(seed: int, metre: tuple[int, int] = (4, 4)) -> Song:
    """Eight bars in C major: drums, a bass on roots and fifths, two guitars; in bar 5 the bass rests."""
    rng = np.random.default_rng(seed)
    bar = 4 * QUARTER * metre[0] // metre[1]
    drums, bass, rhythm, lead = [], [], [], []
    for at in range(BARS):
        start, root = bar * at, int(rng.choice([48, 50, 52, 53, 55, 57]))
        for eighth in range(0, bar, QUARTER // 2):
            drums.append(Note(start + eighth, 60, 42))
        for quarter in range(0, bar, QUARTER):
            drums.append(Note(start + quarter, 60, int(rng.choice([36, 38, 45]))))
        chord = [root, root + (3 if root in (50, 52, 57) else 4), root + 7]
        rhythm += [Note(start, bar - 60, pitch + 12) for pitch in chord]
        lead.append(Note(start + QUARTER, QUARTER // 2, root + 24))
        if at != 5:
            for place in sorted(rng.permutation(bar * 2 // QUARTER)[:5].tolist()):
                bass.append(Note(start + place * QUARTER // 2, QUARTER // 2, root - 12 + int(rng.choice([0, 0, 7]))))
    return Song(
        QUARTER,
        (
            Track("Rhythm", 29, False, tuple(sorted(rhythm))),
            Track("Drums", 0, True, tuple(sorted(drums))),
            Track("Bass", 33, False, tuple(bass)),
            Track("Lead", 30, False, tuple(lead)),
        ),
        time_signatures=(TimeSignature(0, *metre),),
        title=f"song {seed}",
    )


SONGS = {Path(f"set/{seed:02}.mid"): band(seed) for seed in range(6)}
BY_TITLE = {song.title: song for song in SONGS.values()}


def load(path: Path) -> Song:
    return SONGS[path]


def cheat(change) -> Filler:
    """A filler that knows the truth and spoils it: `change` takes and gives (onset, sustain)."""

    def filler(song: Song, roles: tuple[Role, ...], part: str, seed: int) -> Planes:
        full = BY_TITLE[song.title]
        return change(*part_planes(full, detect_parts(full), part))

    return filler


def every_other(onset: np.ndarray, sustain: np.ndarray) -> Planes:
    kept = onset.copy()
    rows, steps = np.nonzero(onset)
    kept[rows[::2], steps[::2]] = False
    return kept, sustain


FAULTS: dict[str, Filler] = {
    "perfect": cheat(lambda onset, sustain: (onset, sustain)),
    "semitone up": cheat(lambda onset, sustain: (np.roll(onset, 1, axis=0), np.roll(sustain, 1, axis=0))),
    "octave up": cheat(lambda onset, sustain: (np.roll(onset, 12, axis=0), np.roll(sustain, 12, axis=0))),
    "sixteenth late": cheat(lambda onset, sustain: (np.roll(onset, 3, axis=1), np.roll(sustain, 3, axis=1))),
    "half dropped": cheat(every_other),
    "silent": cheat(lambda onset, sustain: (np.zeros_like(onset), np.zeros_like(sustain))),
    "always": cheat(lambda onset, sustain: (np.ones_like(onset), np.ones_like(sustain))),
}


@pytest.fixture(scope="module")
def means() -> dict[str, dict[str, float]]:
    """Summary values of bass and drums for every fault, by "part filler"."""
    report = evaluate(list(SONGS), ["bass", "drums"], FAULTS, load=load)
    return {f"{summary.part} {summary.filler}": dict(summary.values) for summary in summarise(report)}


class TestFaultsAreCaught:
    def test_truth_is_perfect(self, means: dict[str, dict[str, float]]) -> None:
        for name in ("bass truth", "bass perfect", "drums truth"):
            found = means[name]
            assert found["note_f1"] == found["onset_f1"] == found["density_ratio"] == 1.0
            assert found["empty_share"] == 0.0
            assert math.isnan(found["extra_share"]) if name.startswith("drums") else found["extra_share"] == 0.0
        assert means["bass truth"]["pitch_class_f1"] == 1.0
        assert means["bass truth"]["in_key"] > 0.9  # some are heard in G, where F is outside
        assert means["bass truth"]["chord_tones"] > 0.95

    def test_semitone_up(self, means: dict[str, dict[str, float]]) -> None:
        found = means["bass semitone up"]
        assert found["note_f1"] < 0.1
        assert found["pitch_class_f1"] < 0.1
        assert found["in_key"] < 0.5
        assert found["chord_tones"] < 0.5
        assert found["onset_f1"] == found["density_ratio"] == 1.0  # and nothing else is to blame

    def test_octave_up(self, means: dict[str, dict[str, float]]) -> None:
        found = means["bass octave up"]
        assert found["note_f1"] < 0.1
        assert found["pitch_class_f1"] == 1.0
        assert found["in_key"] == means["bass truth"]["in_key"]

    def test_sixteenth_late(self, means: dict[str, dict[str, float]]) -> None:
        for part in ("bass", "drums"):
            found = means[f"{part} sixteenth late"]
            assert found["note_f1"] == found["onset_f1"] == 0.0
            assert found["kick_bass_lock"] == 0.0 < means[f"{part} truth"]["kick_bass_lock"]
        assert means["bass sixteenth late"]["in_key"] == means["bass truth"]["in_key"]

    def test_half_dropped(self, means: dict[str, dict[str, float]]) -> None:
        found = means["bass half dropped"]
        assert found["density_ratio"] == pytest.approx(0.5, abs=0.02)
        assert found["note_precision"] == 1.0
        assert found["note_recall"] == pytest.approx(0.5, abs=0.02)

    def test_silent(self, means: dict[str, dict[str, float]]) -> None:
        found = means["bass silent"]
        assert found["empty_share"] == 1.0
        assert found["note_f1"] == found["density_ratio"] == 0.0
        assert math.isnan(found["in_key"])

    def test_always(self, means: dict[str, dict[str, float]]) -> None:
        assert means["bass always"]["extra_share"] == 1.0
        assert means["bass always"]["empty_share"] == 0.0
        assert means["bass always"]["density_ratio"] > 10

    def test_another_song(self, means: dict[str, dict[str, float]]) -> None:
        assert means["bass another song"]["note_f1"] < 0.35
        assert means["drums another song"]["note_f1"] < 0.9
        assert means["bass another song"]["chord_tones"] < means["bass truth"]["chord_tones"] - 0.2


class TestStrip:
    def test_the_part_is_gone_and_the_bars_are_not(self) -> None:
        song = band(0)
        # A last guitar note that alone makes the song longer.
        longer = replace(song.tracks[3], notes=(*song.tracks[3].notes, Note(4 * QUARTER * 11, 60, 72)))
        song = replace(song.with_tracks([*song.tracks[:3], longer]), source=SimpleNamespace(format="mid", data=b""))
        stripped = strip_part(song, detect_parts(song), "guitar")
        assert stripped is not None
        assert [track.name for track in stripped.song.tracks] == ["Drums", "Bass"]
        assert [(role.track, role.role) for role in stripped.roles] == [(0, "drums"), (1, "bass")]
        assert stripped.song.source is None
        assert stripped.song.bars == song.bars
        assert len(song.bars) == 12
        assert len(song.tracks) == 4

    def test_truth_is_all_tracks_of_the_part(self) -> None:
        song = band(0)
        stripped = strip_part(song, detect_parts(song), "guitar")
        assert stripped is not None
        onset, sustain = stripped.truth
        assert onset.shape == sustain.shape == (128, BARS * 48)
        assert onset.sum() == BARS * 3 + BARS
        assert stripped.bar_steps.tolist() == [48 * bar for bar in range(BARS + 1)]
        root = song.tracks[3].notes[0].pitch - 24
        assert np.flatnonzero(onset[:, 0]).tolist()[0] == root + 12
        assert np.flatnonzero(sustain[root + 24, :48]).tolist()[-6:] == list(range(12, 18))

    def test_drum_rows_are_voices(self) -> None:
        stripped = strip_part(band(0), detect_parts(band(0)), "drums")
        assert stripped is not None
        assert stripped.truth[0].any(axis=1).nonzero()[0].max() < 12

    def test_no_such_part_or_nothing_else(self) -> None:
        song = band(0)
        alone = song.with_tracks([song.tracks[1]])
        assert strip_part(alone, detect_parts(alone), "bass") is None
        assert strip_part(alone, detect_parts(alone), "drums") is None


class TestFillers:
    def test_a_filler_never_sees_the_part(self) -> None:
        def spy(song: Song, roles: tuple[Role, ...], part: str, seed: int) -> Planes:
            assert part not in {role.role for role in roles}
            assert part not in {role.role for role in detect_parts(song)}
            assert song.source is None
            assert seed == 7
            silence = np.zeros((128, bar_step_table(song.bars, song.ticks_per_quarter)[-1]), dtype=bool)
            return silence, silence

        report = evaluate(list(SONGS), PARTS, {"spy": spy}, seed=7, load=load)
        assert len([score for score in report.scores if score.filler == "spy"]) == 3 * len(SONGS)

    def test_rules(self) -> None:
        stripped = strip_part(band(0), detect_parts(band(0)), "bass")
        assert stripped is not None
        onset, sustain = rules_filler(stripped.song, stripped.roles, "bass", 0)
        assert onset.shape == stripped.truth[0].shape
        assert onset.any()
        assert (sustain | ~onset).all()

    def test_model_gives_its_best_take(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def fill(song: Song, parts: list[str], **options: object) -> list[Fill]:
            asked.append((parts, options))
            return [
                Fill((PartFill("bass", (Note(QUARTER * take, QUARTER, 40),)),), (0, BARS), 3, take) for take in (1, 2)
            ]

        monkeypatch.setitem(sys.modules, "arranger.filler", SimpleNamespace(fill=fill))
        stripped = strip_part(band(0), detect_parts(band(0)), "bass")
        assert stripped is not None
        onset, sustain = model_filler(takes=2, model="x")(stripped.song, stripped.roles, "bass", 3)
        assert asked == [(["bass"], {"takes": 2, "seed": 3, "model": "x"})]
        assert np.argwhere(onset).tolist() == [[40, 12]]
        assert np.flatnonzero(sustain[40]).tolist() == list(range(12, 24))

    def test_tile_bars(self) -> None:
        onset = np.zeros((128, 84), dtype=bool)
        onset[40, [0, 33]] = onset[50, [36, 80]] = True
        tiled, _ = tile_bars((onset, onset), np.array([0, 36, 84]), np.array([0, 48, 84, 132]))
        # 3/4 into 4/4 leaves a quarter of silence, 4/4 into 3/4 loses its last quarter, then from the first again.
        assert np.argwhere(tiled).tolist() == [[40, 0], [40, 33], [40, 84], [40, 117], [50, 48]]


class TestEvaluate:
    def test_the_order_of_files_makes_no_difference(self) -> None:
        there = evaluate(list(SONGS), ["bass"], limit=3, load=load)
        back = evaluate(list(SONGS)[::-1], ["bass"], limit=3, load=load)
        assert there.songs == back.songs
        assert len(there.songs) == 3
        assert [score.measures for score in there.scores] == [score.measures for score in back.scores]
        assert evaluate(list(SONGS), ["bass"], limit=3, seed=1, load=load).songs != there.songs

    def test_the_other_song_is_another(self) -> None:
        two = dict(list(SONGS.items())[:2])
        report = evaluate(list(two), ["bass"], {}, load=load)
        assert report.fillers == ("another song", "truth")
        first, second = (part_planes(song, detect_parts(song), "bass")[0] for song in two.values())
        matched = 2 * (first & second).sum() / (first.sum() + second.sum())
        for score in report.scores:
            assert score.measures["note_f1"] == (1.0 if score.filler == "truth" else pytest.approx(matched))

    def test_one_song_has_no_other(self) -> None:
        report = evaluate([Path("set/00.mid")], ["bass"], {}, load=load)
        assert [score.filler for score in report.scores] == ["truth"]

    def test_metre(self) -> None:
        songs = {**SONGS, Path("set/waltz.mid"): band(9, (3, 4))}
        common = evaluate(list(songs), ["bass"], {}, load=songs.__getitem__)
        assert "set/waltz.mid" not in common.songs
        assert ("set/waltz.mid", "not in 4/4 throughout") in common.skipped
        assert "set/waltz.mid" in evaluate(list(songs), ["bass"], {}, all_metres=True, load=songs.__getitem__).songs

    def test_songs_without_the_part_count_in_the_others(self) -> None:
        song = SONGS[Path("set/00.mid")]
        songs = {**SONGS, Path("set/no bass.mid"): song.with_tracks([song.tracks[0], song.tracks[1]])}
        report = evaluate(list(songs), ["bass", "drums"], {}, load=songs.__getitem__)
        counts = {summary.part: summary.songs for summary in summarise(report) if summary.filler == "truth"}
        assert counts == {"bass": 6, "drums": 7}

    def test_unreadable_songs_are_skipped_and_named(self) -> None:
        def reader(path: Path) -> Song:
            if path.stem == "03":
                raise SongFileError("03.mid", "it stops in the middle")
            return SONGS[path]

        report = evaluate(list(SONGS), ["bass"], {}, load=reader)
        assert len(report.songs) == 5
        assert report.skipped == (("set/03.mid", "03.mid: it stops in the middle."),)
        assert "1 song was left out" in render_table(report)

    def test_nothing_to_score(self) -> None:
        drums = SONGS[Path("set/00.mid")].tracks[1]
        with pytest.raises(ArrangerError, match=r"None of 1 songs .*00.mid: no bass"):
            evaluate([Path("set/00.mid")], ["bass"], {}, load=lambda path: Song(QUARTER, (drums,)))
        with pytest.raises(FillRequestError, match="“kazoo” is no part"):
            evaluate(list(SONGS), ["kazoo"], load=load)

    def test_a_refused_fill_is_silence(self) -> None:
        def refuse(song: Song, roles: tuple[Role, ...], part: str, seed: int) -> Planes:
            raise FillRequestError("too long")

        report = evaluate(list(SONGS), ["bass"], {"model": refuse}, limit=2, load=load)
        assert [failure[2:] for failure in report.failed] == [("model", "too long")] * 2
        assert summarise(report)[0].values["empty_share"] == 1.0
        assert "2 fills were refused" in render_table(report)

    def test_progress(self) -> None:
        seen: list[tuple[int, str]] = []
        report = evaluate(list(SONGS), ["bass"], {}, load=load, progress=lambda done, name: seen.append((done, name)))
        assert seen == list(enumerate(report.songs))


def report_of(*measures: dict[str, float]) -> Report:
    full = {
        "note_f1": 0.5,
        "density_ratio": 1.0,
        "empty_bars": 0,
        "playing_bars": 1,
        "extra_bars": 0,
        "resting_bars": 0,
    }
    scores = tuple(Score(f"{at}", "bass", "rules", 0.5, {**full, **one}) for at, one in enumerate(measures))
    return Report(scores, ("bass",), ("rules",), tuple(score.song for score in scores))


class TestReport:
    def test_means_medians_and_pooled_bars(self) -> None:
        report = report_of(
            {"note_f1": 0.2, "density_ratio": 0.5, "empty_bars": 1, "playing_bars": 1},
            {"note_f1": 0.2, "density_ratio": 1.0, "empty_bars": 0, "playing_bars": 9},
            {"note_f1": 0.8, "density_ratio": 9.0, "empty_bars": 0, "playing_bars": 10},
        )
        values = summarise(report)[0].values
        assert values["note_f1"] == pytest.approx(0.4)  # the median is 0.2
        assert values["density_ratio"] == 1.0  # the mean is 3.5
        assert values["empty_share"] == 1 / 20  # the mean of shares is a third
        assert math.isnan(values["extra_share"])

    def test_what_cannot_be_judged_is_left_out(self) -> None:
        report = report_of({"in_key": math.nan}, {"in_key": 0.5})
        assert summarise(report)[0].values["in_key"] == 0.5

    def test_bootstrap_agrees_with_the_normal_interval(self) -> None:
        values = np.random.default_rng(0).beta(2, 3, 400)
        low, high = bootstrap_interval(values.tolist())
        half = 1.96 * values.std() / 20  # standard error of the mean of 400
        assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 8)
        assert bootstrap_interval([0.3, 0.3, math.nan]) == pytest.approx((0.3, 0.3))
        assert all(math.isnan(bound) for bound in bootstrap_interval([math.nan]))
        assert bootstrap_interval([0.0, 1.0, 0.5], seed=1) == bootstrap_interval([0.0, 1.0, 0.5], seed=1)

    def test_table(self) -> None:
        report = evaluate(list(SONGS), ["bass", "drums"], load=load)
        lines = render_table(report).splitlines()
        assert lines[0].split("  ")[0] == "bass, 6 songs"
        columns = [lines[0].index(name) for name in ("rules", "another song", "truth")]
        row = next(line for line in lines if line.startswith("note F1"))
        assert row[columns[2] :] == "1.00"
        assert row[columns[0] - 1] == " "
        assert "drums, 6 songs" in render_table(report)

    def test_markdown(self) -> None:
        lines = render_table(evaluate(list(SONGS), ["bass"], load=load), markdown=True).splitlines()
        assert lines[0] == "**bass, 6 songs**"
        assert lines[2] == "|  | rules | another song | truth |"
        assert {line.count("|") for line in lines[2:]} == {5}

    def test_json_has_no_nan(self) -> None:
        report = evaluate(list(SONGS), ["bass"], {"silent": FAULTS["silent"]}, load=load)
        document = json.loads(to_json(report), parse_constant=lambda name: pytest.fail(name))
        assert document["scores"][0]["measures"]["in_key"] is None
        assert document["summary"][0]["values"]["empty_share"] == 1.0
        assert document["settings"]["seed"] == 0
        assert len(document["songs"]) == 6


def write_midi(song: Song, path: Path) -> None:
    """A plain type 1 file, one track a channel."""
    file = mido.MidiFile(ticks_per_beat=song.ticks_per_quarter)
    for index, track in enumerate(song.tracks):
        channel = 9 if track.is_drum else index
        events = [(note.end, 0, "note_off", note.pitch) for note in track.notes]
        events += [(note.start, 1, "note_on", note.pitch) for note in track.notes]
        out, now = mido.MidiTrack(), 0
        out.append(mido.Message("program_change", channel=channel, program=track.program))
        for tick, _, kind, pitch in sorted(events):
            out.append(mido.Message(kind, channel=channel, note=pitch, velocity=80, time=tick - now))
            now = tick
        file.tracks.append(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


class TestCommand:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for path, song in list(SONGS.items())[:3]:
            write_midi(song, tmp_path / path)
        (tmp_path / "set" / "notes.txt").write_text("not a song")
        return tmp_path

    @staticmethod
    def run(*words: str):
        app = typer.Typer()
        app.command()(eval_command)
        return CliRunner().invoke(app, list(words), catch_exceptions=False)

    def test_table_on_stdout_progress_on_stderr(self, folder: Path) -> None:
        result = self.run(str(folder), "--rules-only", "--songs", "2", "--part", "bass")
        assert result.exit_code == 0
        assert result.stdout.startswith("bass, 2 songs")
        assert "song 1" not in result.stdout
        assert "song 2: set/" in result.stderr

    def test_json(self, folder: Path) -> None:
        document = json.loads(self.run(str(folder), "--rules-only", "--json").stdout)
        assert document["parts"] == ["drums", "bass", "guitar"]
        truths = [score for score in document["scores"] if score["filler"] == "truth"]
        assert len(truths) == 9
        assert all(score["measures"]["note_f1"] == 1.0 for score in truths)

    def test_files_are_found_once_in_order(self, folder: Path) -> None:
        assert [path.name for path in song_files(folder)] == ["00.mid", "01.mid", "02.mid"]
        assert song_files(folder / "set/01.mid") == [folder / "set/01.mid"]

    def test_errors_name_the_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ArrangerError, match="nowhere: there is no such folder"):
            song_files(tmp_path / "nowhere")
        with pytest.raises(ArrangerError, match="no song in it"):
            song_files(tmp_path)
