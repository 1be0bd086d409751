"""Chords, form and notes: hand-worked cases in which a plausible wrong formula gives another number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from arranger.evaluation.metrics import measure_part, root_at_change, structure, voice_f1
from arranger.evaluation.metrics_form import bar_similarity, form_shared, same_section_similarity
from arranger.evaluation.metrics_harmony import chord_roots
from arranger.evaluation.metrics_notes import changed_outside, overlap_area, overlap_areas, playability_rate
from arranger.evaluation.metrics_truth import f1_by_third, note_f1, onset_f1, pitch_class_f1
from arranger.fills import Fill, PartFill
from arranger.parts import ROLES
from arranger.sections import Section
from arranger.song import Note, Song, Tempo, Track

BAR = np.array([0, 48])
C, E, F, G, A = 48, 52, 53, 55, 57


def bars(count: int) -> np.ndarray:
    return np.arange(count + 1) * 48


def plane(*notes: tuple[int, int, int], steps: int = 48) -> np.ndarray:
    """Plane with each (row, first, end) set."""
    out = np.zeros((128, steps), dtype=bool)
    for row, first, end in notes:
        out[row, first:end] = True
    return out


def chord(pitches: tuple[int, ...], first: int, end: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((pitch, first, end) for pitch in pitches)


class TestChords:
    @pytest.mark.parametrize("root", range(12))
    @pytest.mark.parametrize("shape", [(0, 4, 7), (0, 3, 7), (0, 7, 12), (0, 4, 7, 10), (0, 3, 7, 10), (0,)])
    def test_root_position(self, root: int, shape: tuple[int, ...]) -> None:
        context = plane(*chord(tuple(48 + root + degree for degree in shape), 0, 48))
        assert chord_roots(context, BAR)[1].tolist() == [root, root]

    def test_inversion_keeps_its_root(self) -> None:
        # The lowest note alone would say E.
        assert chord_roots(plane(*chord((52, 55, 60), 0, 48)), BAR)[1].tolist() == [0, 0]

    def test_silence_has_no_chord_and_windows_begin_at_bar_lines(self) -> None:
        starts, roots = chord_roots(plane((C, 36, 60), steps=84), np.array([0, 36, 84]))
        assert starts.tolist() == [0, 24, 36, 60]
        assert roots.tolist() == [-1, -1, 0, -1]

    def test_root_at_change_by_hand(self) -> None:
        # C | F | F | C: three changes. The bass: C in time; G, F a sixteenth late; nothing; E.
        context = plane(
            *chord((60, 64, 67), 0, 24), *chord((60, 65, 69), 24, 72), *chord((60, 64, 67), 72, 96), steps=96
        )
        bass = plane((36, 0, 20), (43, 24, 27), (41, 27, 40), (53, 24, 40), (40, 72, 80), steps=96)
        # Counting every window gives 1/4 (F is held by nobody in its second), the highest note or any note 2/3.
        assert root_at_change(bass, context, bars(2)) == pytest.approx(1 / 3)
        # What is held over the change counts as it sounds.
        held = plane((41, 0, 48), steps=96)
        assert root_at_change(held, context, bars(2)) == 1 / 2
        # Changes at which it rests don't count; without any there is nothing to judge.
        assert root_at_change(plane((36, 0, 12), steps=96), context, bars(2)) == 1.0
        assert math.isnan(root_at_change(plane((36, 48, 60), steps=96), context, bars(2)))
        assert math.isnan(root_at_change(bass, plane(steps=96), bars(2)))

    def test_a_chord_that_comes_back_after_a_rest_is_no_change(self) -> None:
        context = plane(*chord((60, 64, 67), 0, 24), *chord((60, 64, 67), 48, 72), steps=96)
        bass = plane((36, 0, 24), (40, 48, 60), steps=96)
        assert root_at_change(bass, context, bars(2)) == 1.0


class TestStructure:
    def test_similarity_by_hand(self) -> None:
        # Bars: C and E on 1 | C on 1 | rest | rest.
        onset = plane((C, 0, 1), (E, 0, 1), (C, 48, 49), steps=192)
        alike = bar_similarity(onset, bars(4))
        assert alike[0, 1] == pytest.approx(1 / math.sqrt(2))  # Jaccard gives 1/2
        assert [alike[2, 3], alike[0, 0]] == pytest.approx([1, 1])
        assert alike[0, 2] == 0

    def test_the_same_form_of_other_notes_is_the_same_structure(self) -> None:
        truth = plane(
            *((C, bar * 48, bar * 48 + 1) for bar in (0, 2)),
            *((G, bar * 48, bar * 48 + 1) for bar in (1, 3)),
            steps=192,
        )
        other = plane(*((40, bar * 48 + 6, bar * 48 + 7) for bar in (0, 2)), steps=192)
        assert structure(other, truth, bars(4)) == pytest.approx(1)  # A rest A rest is A B A B
        form = plane(
            *((40, bar * 48, bar * 48 + 1) for bar in (0, 1)),
            *((50, bar * 48, bar * 48 + 1) for bar in (2, 3)),
            steps=192,
        )
        # AABB against ABAB: pairs alike 12,34 and 13,24 of six: correlation of (1,0,0,0,0,1) and (0,1,0,0,1,0).
        expected = np.corrcoef([1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0])[0, 1]
        assert structure(form, truth, bars(4)) == pytest.approx(expected)

    def test_nothing_to_find(self) -> None:
        loop = plane(*((C, bar * 48, bar * 48 + 1) for bar in range(4)), steps=192)
        varied = plane((C, 0, 1), (G, 48, 49), (C, 96, 97), (E, 150, 151), steps=192)
        assert structure(loop, varied, bars(4)) == 0.0
        assert math.isnan(structure(varied, loop, bars(4)))
        assert math.isnan(structure(varied[:, :96], varied[:, :96], bars(2)))

    def test_same_sections(self) -> None:
        # Bars: C | G | C | C and E; sections A A with their first bars equal, their second ones without a common note.
        part = plane((C, 0, 1), (G, 48, 49), (C, 96, 97), (C, 144, 145), (E, 144, 145), steps=192)
        two = [Section(0, 2, "A"), Section(2, 4, "A")]
        assert same_section_similarity(part, bars(4), two) == pytest.approx((1 + 0) / 2)
        # Each bar a section: C-C 1, and C against C and E 1/sqrt(2), twice; G is another letter.
        each = [Section(0, 1, "A"), Section(1, 2, "B"), Section(2, 3, "A"), Section(3, 4, "A")]
        assert same_section_similarity(part, bars(4), each) == pytest.approx((1 + 2 / math.sqrt(2)) / 3)
        silent = plane((C, 0, 1), steps=192)
        assert same_section_similarity(silent, bars(4), two) == 0.0  # the pair of rests isn't counted
        assert math.isnan(same_section_similarity(part, bars(4), [Section(0, 4, "A")]))

    def test_form_shared_with_the_band(self) -> None:
        part = plane(*((C, bar * 48, bar * 48 + 1) for bar in (0, 2)), (G, 48, 49), (G, 144, 145), steps=192)
        same = plane(*((60, bar * 48 + 6, bar * 48 + 9) for bar in (0, 2)), steps=192)  # A rest A rest
        assert form_shared(part, same, bars(4)) == pytest.approx(1)
        other = plane((60, 0, 9), (60, 48, 57), steps=192)  # A A rest rest
        expected = np.corrcoef([0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1])[0, 1]
        assert form_shared(part, other, bars(4)) == pytest.approx(expected)
        loop = plane(*((60, bar * 48, bar * 48 + 1) for bar in range(4)), steps=192)
        assert math.isnan(form_shared(part, loop, bars(4)))


class TestGrids:
    def test_a_triplet_is_no_sixteenth_on_the_fine_grid(self) -> None:
        triplet, straight = plane((C, 4, 5)), plane((C, 3, 4))
        for measure in (note_f1, onset_f1, pitch_class_f1):
            assert measure(triplet, straight, BAR).f1 == 1.0
            assert measure(triplet, straight, BAR, 1).f1 == 0.0
            assert measure(triplet, triplet, BAR, 1).f1 == 1.0

    def test_voices(self) -> None:
        # Kick right, snare half, ride only in the fill; over all it would be 2 * 3 / (5 + 4).
        truth = plane((0, 0, 1), (0, 24, 25), (1, 12, 13), (1, 36, 37))
        fill = plane((0, 0, 1), (0, 24, 25), (1, 12, 13), (1, 40, 41), (10, 0, 1))
        found = voice_f1(fill, truth, BAR)
        assert (found["kick"], found["snare"], found["ride"]) == (1.0, 0.5, 0.0)
        assert math.isnan(found["crash"])

    def test_thirds_of_a_song(self) -> None:
        truth = plane(*((C, bar * 48, bar * 48 + 1) for bar in (0, 1, 2)), steps=48 * 7)
        fill = plane((C, 0, 1), (E, 48, 49), (C, 96, 97), steps=48 * 7)
        first, middle, last = f1_by_third(fill, truth, bars(7))  # bars 0-1, 2-4, 5-6
        assert (first, middle) == (0.5, 1.0)
        assert math.isnan(last)

    def test_measure_part_has_them_all(self) -> None:
        silent = np.zeros((len(ROLES), 128, 48), dtype=bool)
        some = plane((C, 4, 5))
        found = measure_part("guitar", (some, some), (plane((C, 3, 4)),) * 2, (silent, silent), BAR)
        assert (found["note_f1"], found["note_f1_fine"], found["pitch_class_f1_fine"]) == (1.0, 0.0, 0.0)
        assert found["true_density"] == 1.0
        assert "f1_kick" not in found


class TestOverlap:
    def test_by_hand(self) -> None:
        # Shares 3/4, 1/4 and 1/4, 3/4: they overlap by a half; sets of values would be equal, means 1/4 and 3/4 apart.
        assert overlap_area([0, 0, 0, 1], [0, 1, 1, 1]) == 0.5
        assert overlap_area([0, 0, 5], [0, 0, 5] * 7) == pytest.approx(1)  # how many there are is no matter
        assert math.isnan(overlap_area([], [1]))

    def test_what_is_counted(self) -> None:
        ours = [Note(0, 480, 40, 64), Note(0, 480, 52, 64), Note(480, 240, 43, 100)]
        theirs = [Note(0, 470, 52, 65), Note(960, 240, 55, 100)]
        found = overlap_areas("bass", ours, theirs, 480)
        assert found["oa_pitch"] == pytest.approx(1 / 2 + 1 / 3)  # E, E, G against E, G
        assert found["oa_duration"] == pytest.approx(1 / 2 + 1 / 3)  # 470 ticks round to a quarter
        assert found["oa_velocity"] == pytest.approx(1 / 2 + 1 / 3)  # 64 and 65 are one bin
        assert found["oa_ioi"] == 0.0  # a chord is one onset: 12 steps against 24
        assert set(overlap_areas("drums", ours, theirs, 480)) == {"oa_pitch", "oa_ioi", "oa_velocity"}

    def test_drums_by_voice_not_by_pitch_class(self) -> None:
        # Keys 36 and 48 are one pitch class, kick and high tom; 38 and 40 are both snares.
        assert overlap_areas("drums", [Note(0, 1, 36)], [Note(0, 1, 48)], 480)["oa_pitch"] == 0.0
        assert overlap_areas("drums", [Note(0, 1, 38)], [Note(0, 1, 40)], 480)["oa_pitch"] == 1.0

    def test_a_bar_and_more_is_one_bin(self) -> None:
        ours, theirs = [Note(0, 480 * 4, 40)], [Note(0, 480 * 9, 40)]
        assert overlap_areas("bass", ours, theirs, 480)["oa_duration"] == 1.0


class TestPlayability:
    def test_rate(self) -> None:
        song = Song(480, (), tempos=(Tempo(0, 120.0),))
        fine = [Note(at * 480, 480, 40) for at in range(10)]
        assert playability_rate("bass", fine, song) == 0.0
        assert playability_rate("bass", [*fine, Note(0, 480, 47)], song) > 0
        assert playability_rate("bass", [replace(note, duration=500) for note in fine], song) == 0.0  # 21 ms too long
        assert math.isnan(playability_rate("bass", [], song))


class TestChangedOutside:
    SONG = Song(480, (Track("Guitar", 27, False, (Note(0, 480, 60), Note(1920, 480, 62))),), length=3840)

    def fill(self, *notes: Note, **told: object) -> Fill:
        return Fill((PartFill("bass", notes, **told),), (1, 2), 0, 0)

    def test_new_tracks_inside_the_bars(self) -> None:
        assert changed_outside(self.SONG, self.fill(Note(1920, 480, 40))) == 0
        assert changed_outside(self.SONG, self.fill(Note(1900, 480, 40), Note(1920, 480, 40))) == 1

    def test_existing_tracks(self) -> None:
        assert changed_outside(self.SONG, self.fill(Note(1920, 9, 40), into_track=0, removed_tracks=(0,))) == 0
        assert changed_outside(self.SONG, self.fill(Note(0, 9, 40), into_track=0)) == 1

    def test_a_broken_apply_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from arranger.evaluation import metrics_notes

        def broken(song: Song, fill: Fill) -> Song:
            guitar = replace(song.tracks[0], notes=(Note(0, 480, 61), song.tracks[0].notes[1]))
            return replace(song.with_tracks([guitar]), tempos=(Tempo(0, 99.0),))

        monkeypatch.setattr(metrics_notes, "apply_fill", broken)
        assert changed_outside(self.SONG, self.fill()) == 3  # one note went, one came, the tempo is another
