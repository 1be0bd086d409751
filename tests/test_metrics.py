"""Measures against cases worked out by hand, against mir_eval and muspy, and under changes that must not matter.

Steps are twelfths of a quarter: a bar of 4/4 has 48, a sixteenth 3. Each hand-worked case is chosen so that a plausible
wrong formula, named beside it, gives another number.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from arranger.evaluation import metrics
from arranger.evaluation.metrics import Match, Share
from arranger.parts import ROLES

BAR = np.array([0, 48])
C, D, E, F, G, A, B = 48, 50, 52, 53, 55, 57, 59


def bars(count: int) -> np.ndarray:
    return np.arange(count + 1) * 48


def hits(*row_steps: tuple[int, int], steps: int = 48) -> np.ndarray:
    """Onset plane with a note at each (row, step)."""
    plane = np.zeros((128, steps), dtype=bool)
    for row, step in row_steps:
        plane[row, step] = True
    return plane


def held(*notes: tuple[int, int, int], steps: int = 48) -> np.ndarray:
    """Sustain plane with each (row, first, end)."""
    plane = np.zeros((128, steps), dtype=bool)
    for row, first, end in notes:
        plane[row, first:end] = True
    return plane


def random_line(seed: int, count: int = 60, bar_count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Notes off the grid by up to a step, at most one for each sixteenth and row: plane, and (sixteenth, row)."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(16 * bar_count * 8)[:count]
    sixteenth, row = places // 8, 40 + 3 * (places % 8)  # eight rows, C and its like in several octaves
    off = np.where(sixteenth % 16 == 0, rng.integers(0, 2, count), rng.integers(-1, 2, count))
    return hits(*zip(row, 3 * sixteenth + off, strict=True), steps=48 * bar_count), np.stack([sixteenth, row], axis=1)


class TestNoteF1:
    def test_by_hand(self) -> None:
        truth = hits((C, 0), (C, 12), (E, 24), (C, 36))
        # Step 23 is nearest to the sixteenth at 24; cutting down (23 // 3) would miss it.
        fill = hits((C, 0), (D, 12), (E, 23), (C, 36), (C, 42))
        assert metrics.note_f1(fill, truth, BAR) == (3 / 5, 3 / 4, pytest.approx(2 / 3))

    def test_two_notes_cannot_both_match_one(self) -> None:
        # Sets of (sixteenth, row) would call these equal.
        assert metrics.note_f1(hits((C, 0), (C, 1)), hits((C, 0)), BAR) == (0.5, 1.0, pytest.approx(2 / 3))

    def test_a_note_before_the_bar_line_stays_in_its_bar(self) -> None:
        late, next_bar = hits((C, 47), steps=96), hits((C, 48), steps=96)
        assert metrics.note_f1(late, hits((C, 45), steps=96), bars(2)).f1 == 1.0
        assert metrics.note_f1(late, next_bar, bars(2)).f1 == 0.0

    def test_sixteenths_begin_at_each_bar_line(self) -> None:
        # A bar of 11 steps, then 4/4. Counted from the start of the song, 22 and 23 would differ, 24 and 25 agree.
        table = np.array([0, 11, 59])
        assert metrics.note_f1(hits((C, 22), steps=59), hits((C, 23), steps=59), table).f1 == 1.0
        assert metrics.note_f1(hits((C, 24), steps=59), hits((C, 25), steps=59), table).f1 == 0.0

    def test_what_is_left_of_a_bar_is_a_sixteenth(self) -> None:
        # Step 10 of a bar of 11 is its fourth sixteenth, no late third one.
        table = np.array([0, 11])
        assert metrics.note_f1(hits((C, 10), steps=11), hits((C, 9), steps=11), table).f1 == 1.0
        assert metrics.note_f1(hits((C, 10), steps=11), hits((C, 7), steps=11), table).f1 == 0.0

    def test_empty_parts(self) -> None:
        none, some = hits(), hits((C, 0))
        assert metrics.note_f1(none, none, BAR) == Match(1.0, 1.0, 1.0)
        assert metrics.note_f1(none, some, BAR) == metrics.note_f1(some, none, BAR) == Match(0.0, 0.0, 0.0)

    def test_a_sixteenth_late_is_wrong(self) -> None:
        truth = hits(*((C, step) for step in range(0, 48, 6)))
        assert metrics.note_f1(np.roll(truth, 3, axis=1), truth, BAR).f1 == 0.0

    @pytest.mark.parametrize("seed", range(5))
    def test_exchange_swaps_precision_and_recall(self, seed: int) -> None:
        one, other = random_line(seed)[0], random_line(seed + 100, count=90)[0]
        there, back = metrics.note_f1(one, other, bars(4)), metrics.note_f1(other, one, bars(4))
        assert there == (back.recall, back.precision, back.f1)
        assert 0 < there.f1 < 1

    def test_shapes_must_agree(self) -> None:
        with pytest.raises(ValueError, match="one grid"):
            metrics.note_f1(hits(), hits(steps=96), BAR)
        with pytest.raises(ValueError, match="end at step 96"):
            metrics.note_f1(hits(), hits(), bars(2))


class TestPitchClassF1:
    def test_by_hand(self) -> None:
        # Ten neighbouring pitches are no pitch class: C and C sharp differ, C4 and C6 don't.
        assert metrics.pitch_class_f1(hits((48, 0)), hits((72, 0)), BAR).f1 == 1.0
        assert metrics.pitch_class_f1(hits((48, 0)), hits((49, 0)), BAR).f1 == 0.0

    def test_an_octave_doubling_is_two_notes(self) -> None:
        # As a set of pitch classes both would be {C}.
        assert metrics.pitch_class_f1(hits((48, 0), (60, 0)), hits((48, 0)), BAR) == (0.5, 1.0, pytest.approx(2 / 3))

    @pytest.mark.parametrize("seed", range(5))
    def test_octave_shift_changes_nothing(self, seed: int) -> None:
        fill, truth = random_line(seed)[0], random_line(seed + 100)[0]
        shifted = np.roll(fill, 12, axis=0)
        assert metrics.pitch_class_f1(shifted, truth, bars(4)) == metrics.pitch_class_f1(fill, truth, bars(4))
        assert metrics.note_f1(shifted, truth, bars(4)) != metrics.note_f1(fill, truth, bars(4))

    def test_drum_rows_are_refused(self) -> None:
        with pytest.raises(ValueError, match="128 rows"):
            metrics.pitch_class_f1(np.zeros((12, 48), bool), np.zeros((12, 48), bool), BAR)


class TestOnsetF1:
    def test_a_chord_is_one_onset(self) -> None:
        chords, line = hits((C, 0), (E, 0), (G, 0), (C, 24)), hits((A, 0), (A, 12))
        # Counting notes instead of moments gives 2 * 1 / (4 + 2).
        assert metrics.onset_f1(chords, line, BAR) == (0.5, 0.5, 0.5)

    def test_pitch_makes_no_difference_but_time_does(self) -> None:
        truth = hits((C, 0), (E, 12))
        assert metrics.onset_f1(np.roll(truth, 5, axis=0), truth, BAR).f1 == 1.0
        assert metrics.onset_f1(np.roll(truth, 3, axis=1), truth, BAR).f1 == 0.0


class TestAgainstMirEval:
    """Sixteenths of 125 ms against a tolerance of 50 ms, ends ignored: the same matching problem."""

    @staticmethod
    def score(fill: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
        transcription = pytest.importorskip("mir_eval.transcription")

        def intervals_and_hertz(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            begin = notes[:, 0] * 0.125
            return np.stack([begin, begin + 0.1], axis=1), 440 * 2 ** ((notes[:, 1] - 69) / 12)

        found = transcription.precision_recall_f1_overlap(
            *intervals_and_hertz(truth), *intervals_and_hertz(fill), onset_tolerance=0.05, offset_ratio=None
        )
        return pytest.approx(found[:3])

    @pytest.mark.parametrize("seed", range(5))
    def test_note_f1(self, seed: int) -> None:
        (fill, filled), (truth, true) = random_line(seed), random_line(seed + 100, count=90)
        assert metrics.note_f1(fill, truth, bars(4)) == self.score(filled, true)

    @pytest.mark.parametrize("seed", range(5))
    def test_pitch_class_f1(self, seed: int) -> None:
        (fill, filled), (truth, true) = random_line(seed), random_line(seed + 100, count=90)
        filled[:, 1], true[:, 1] = 60 + filled[:, 1] % 12, 60 + true[:, 1] % 12
        assert metrics.pitch_class_f1(fill, truth, bars(4)) == self.score(filled, true)

    @pytest.mark.parametrize("seed", range(5))
    def test_onset_f1(self, seed: int) -> None:
        (fill, filled), (truth, true) = random_line(seed, count=30), random_line(seed + 100, count=45)
        moments = [
            np.unique(np.stack([notes[:, 0], np.full(len(notes), 60)], axis=1), axis=0) for notes in (filled, true)
        ]
        assert metrics.onset_f1(fill, truth, bars(4)) == self.score(*moments)


class TestDensityAndBars:
    def test_density_ratio(self) -> None:
        three, two = hits((C, 0), (E, 0), (C, 24)), hits((C, 0), (C, 12))
        assert metrics.density_ratio(three, two) == 1.5  # moments instead of notes would give 1
        assert metrics.density_ratio(hits(), two) == 0.0
        assert metrics.density_ratio(hits(), hits()) == 1.0
        assert metrics.density_ratio(two, hits()) == math.inf

    def test_empty_and_extra_bars(self) -> None:
        # Bars of 3/4, 4/4, 7/8, 4/4. The truth plays bar 0, holds over bar 1, rests in 2, plays 3.
        table = np.array([0, 36, 84, 126, 174])
        truth = hits((C, 30), (C, 130), steps=174)
        sounding = held((C, 30, 84), (C, 130, 140), steps=174)
        fill = hits((C, 84), (C, 35), (E, 40), steps=174)
        assert metrics.empty_bars(fill, truth, table) == Share(1, 2)  # of 4 bars would be a quarter
        assert metrics.extra_bars(fill, sounding, table) == Share(1, 1)  # bar 1 is no rest
        assert metrics.empty_bars(fill, truth, table).share == 0.5

    def test_nothing_to_count(self) -> None:
        assert math.isnan(metrics.extra_bars(hits(), hits((C, 0)), BAR).share)
        assert metrics.empty_bars(hits((C, 0)), hits(), BAR) == Share(0, 0)


class TestContext:
    def test_in_key_by_the_key_of_the_context(self) -> None:
        c_major = held((C, 0, 48), (E, 0, 48), (G, 0, 48), (F, 0, 12), (A, 0, 12), (D, 12, 24), (B, 24, 36))
        part = hits((C, 0), (D, 12), (F + 1, 24), (G, 36))
        assert metrics.in_key_share(part, c_major) == 0.75
        # In its own key, C sharp major, this line would be all right; in C it shares F and C only.
        sharp = hits(*((pitch + 1, 6 * at) for at, pitch in enumerate((C, D, E, F, G, A, B))))
        assert metrics.in_key_share(sharp, c_major) == pytest.approx(2 / 7)

    def test_the_context_is_weighted_by_duration(self) -> None:
        # One long G major chord under many short notes of F sharp major: by count the key would be F sharp.
        short = [(pitch, step, step + 1) for pitch in (54, 58, 61) for step in range(0, 48, 3)]
        long = [(pitch + 12 * up, 0, 48) for pitch in (31, 35, 38) for up in (0, 1)]
        assert metrics.in_key_share(hits((G, 0), (D, 12)), held(*short, *long)) == 1.0

    def test_chord_tones(self) -> None:
        context = held(*((p, 0, 24) for p in (C, E, G)), *((p, 24, 48) for p in (F, A, 60)), steps=96)
        # C for four sixteenths, B for two, F for two while C is played, F for four, then a bar without context.
        part = held((36, 0, 12), (35, 12, 18), (41, 18, 24), (41, 24, 36), (40, 48, 96), steps=96)
        share = metrics.chord_tone_share(part, context, bars(2))
        assert share == pytest.approx(8 / 12)  # by notes 2 / 4, by whole bars 10 / 12, with the second bar 8 / 28
        assert metrics.chord_tone_share(part, context, bars(2), window_steps=48) == pytest.approx(10 / 12)

    def test_chord_tones_ignore_octaves_and_count_windows_from_the_bar_line(self) -> None:
        table = np.array([0, 42, 90])  # 7/8, 4/4: windows from the start of the song would straddle the line
        context, part = held((C, 0, 42), (D, 42, 90), steps=90), held((C - 24, 0, 42), (D - 24, 42, 90), steps=90)
        assert metrics.chord_tone_share(part, context, table) == 1.0
        assert metrics.chord_tone_share(np.roll(part, 12, axis=0), context, table) == 1.0
        assert metrics.chord_tone_share(np.roll(part, 1, axis=0), context, table) == 0.0
        early = held((D, 36, 42), steps=90)  # a window from 36 to 48 would hear the D of the next bar
        assert metrics.chord_tone_share(early, context, table) == 0.0

    def test_chord_windows_are_whole_sixteenths(self) -> None:
        with pytest.raises(ValueError, match="whole sixteenths"):
            metrics.chord_tone_share(hits(), hits(), BAR, window_steps=4)

    def test_nothing_to_judge_is_nan(self) -> None:
        some = hits((C, 0))
        for part, context in ((hits(), some), (some, hits())):
            assert math.isnan(metrics.in_key_share(part, context))
            assert math.isnan(metrics.chord_tone_share(part, context, BAR))
            assert math.isnan(metrics.kick_bass_lock(part[C], context, BAR).f1)

    def test_kick_bass_lock(self) -> None:
        kick = hits((0, 0), (0, 25))[0]
        bass = hits((28, 0), (40, 0), (28, 12), (28, 24), (28, 36))
        assert metrics.kick_bass_lock(kick, bass, BAR) == (1.0, 0.5, pytest.approx(2 / 3))


class TestForm:
    def test_distinct_bars(self) -> None:
        # A A' B rest A, where A' is A played a step late.
        part = hits((C, 0), (E, 24), (C, 49), (E, 73), (D, 96), (C, 192), (E, 216), steps=240)
        assert metrics.distinct_bar_share(part, bars(5)) == 2 / 4  # with the rest 3 / 5, to the step 3 / 4

    def test_bars_of_another_length_are_other_bars(self) -> None:
        assert metrics.distinct_bar_share(hits((C, 0), (C, 36), steps=84), np.array([0, 36, 84])) == 1.0

    def test_no_bars(self) -> None:
        assert math.isnan(metrics.distinct_bar_share(hits(), BAR))
        assert math.isnan(metrics.groove_consistency(hits((C, 0)), BAR))

    def test_groove_consistency(self) -> None:
        # Beats 1 3 | 1 3 4 | rest | 1 2: only the first pair plays; with the rest the mean is (15 + 13 + 14) / 48.
        part = hits((C, 0), (C, 24), (D, 48), (E, 72), (C, 84), (C, 144), (C, 156), steps=192)
        assert metrics.groove_consistency(part, bars(4)) == 15 / 16

    @pytest.mark.parametrize("seed", range(3))
    def test_groove_consistency_against_muspy(self, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # muspy and what it imports warn of their own future
            muspy = pytest.importorskip("muspy")
        plane, notes = random_line(seed, count=50)
        notes = notes[notes[:, 0] < 63]  # muspy counts a bar more if the last note ends on the bar line
        plane[:, 63 * 3 - 1 :] = False
        track = muspy.Track(notes=[muspy.Note(time=int(at), pitch=int(row), duration=1) for at, row in notes])
        expected = muspy.groove_consistency(muspy.Music(resolution=4, tracks=[track]), measure_resolution=16)
        assert metrics.groove_consistency(plane, bars(4)) == pytest.approx(expected)
        assert 0 < expected < 1


class TestMeasurePart:
    def test_planes_go_where_they_belong(self) -> None:
        onset, sustain = np.zeros((2, len(ROLES), 128, 48), dtype=bool)
        onset[ROLES.index("drums"), 0, [0, 24]] = True
        sustain[ROLES.index("bass"), 37] = onset[ROLES.index("bass"), 37] = True  # must not be its own context
        for pitch in (C, E, G):
            sustain[ROLES.index("guitar"), pitch] = True
        fill = hits((36, 0), (37, 12)), held((36, 0, 12), (37, 12, 18))
        truth = hits((36, 0), (36, 24)), held((36, 0, 12), (36, 24, 36))
        found = metrics.measure_part("bass", fill, truth, (onset, sustain), BAR)
        assert found["note_f1"] == found["pitch_class_f1"] == found["onset_f1"] == 0.5
        assert found["kick_bass_lock"] == 0.5
        assert found["in_key"] == 0.5  # of two notes
        assert found["chord_tones"] == pytest.approx(4 / 6)  # of six sounding sixteenths
        assert (found["empty_bars"], found["playing_bars"], found["resting_bars"]) == (0, 1, 0)

    def test_a_bar_in_which_the_truth_holds_on_is_no_rest(self) -> None:
        silent = np.zeros((len(ROLES), 128, 96), dtype=bool)
        truth = hits((36, 0), steps=96), held((36, 0, 96), steps=96)
        found = metrics.measure_part("bass", (hits((36, 48), steps=96),) * 2, truth, (silent, silent), bars(2))
        assert (found["extra_bars"], found["resting_bars"]) == (0, 0)
        assert (found["empty_bars"], found["playing_bars"]) == (1, 1)

    def test_drums_have_no_pitch_measures(self) -> None:
        onset = np.zeros((len(ROLES), 128, 48), dtype=bool)
        onset[ROLES.index("bass"), 28, 0] = True
        fill = (hits((0, 0), (1, 24)),) * 2
        found = metrics.measure_part("drums", fill, fill, (onset, onset), BAR)
        assert not {"pitch_class_f1", "in_key", "chord_tones"} & set(found)
        assert found["kick_bass_lock"] == 1.0  # the snare has no part in it

    def test_guitar_has_no_lock(self) -> None:
        silent = np.zeros((len(ROLES), 128, 48), dtype=bool)
        found = metrics.measure_part("guitar", (hits(), hits()), (hits((C, 0)),) * 2, (silent, silent), BAR)
        assert "kick_bass_lock" not in found
        assert found["note_f1"] == found["density_ratio"] == 0.0
        assert math.isnan(found["in_key"])
