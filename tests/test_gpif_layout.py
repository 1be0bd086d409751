"""The two configurations of a .gp file and its score views, against real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gpif_samples import gpif_files
from hypothesis import given
from hypothesis import strategies as st

from arranger.formats.gpif_container import open_container
from arranger.formats.gpif_layout import (
    VISIBLE,
    Layout,
    View,
    layout_bytes,
    new_layout,
    parse_layout,
    shown_entries,
    view_entries,
    with_tracks,
)

FLAGS = st.integers(0, 255)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    def view(size: int) -> View:
        several = st.lists(FLAGS, min_size=size, max_size=size).map(tuple)
        return View(draw(st.integers(0, 1)), draw(several), draw(several))

    tracks = draw(st.integers(0, 6))
    views = (view(tracks), *(view(1) for _ in range(tracks)))
    return Layout(
        views, draw(st.integers(0, tracks)), draw(st.binary(min_size=6, max_size=6)), draw(st.binary(max_size=8))
    )


def test_every_real_file_comes_back_byte_for_byte(data_pack: Callable[[str], Path]) -> None:
    count = 0
    for path in gpif_files(data_pack):
        if path.suffix == ".gpx":  # slow to unpack, and their layout is read in test_gpif_write
            continue
        content = dict(open_container(path.read_bytes(), path.name).entries)
        part, layout = content["Content/PartConfiguration"], content["Content/LayoutConfiguration"]
        assert layout_bytes(parse_layout(part, layout)) == (part, layout)
        count += 1
    assert count > 180


@given(layouts())
def test_any_layout_comes_back(layout: Layout) -> None:
    assert parse_layout(*layout_bytes(layout)) == layout


@given(layouts(), st.data())
def test_cut_off_files_are_refused(layout: Layout, data: st.DataObject) -> None:
    part, shown = layout_bytes(layout)
    short = part[: data.draw(st.integers(0, len(part) - 1))]
    with pytest.raises(ValueError, match=r"odd|cut off"):
        parse_layout(short, shown)


@given(layouts(), st.lists(FLAGS, max_size=3), st.data())
def test_tracks_come_and_go(layout: Layout, new: list[int], data: st.DataObject) -> None:
    band, *singles = layout.views
    kept = [at for at in range(len(singles)) if data.draw(st.booleans())]
    after = with_tracks(layout, [1] * len(singles), kept, new)
    assert len(after.views) == 1 + len(kept) + len(new)
    assert after.views[0].flags == (*(band.flags[at] for at in kept), *new)
    assert after.views[0].visible == (*(band.visible[at] for at in kept), *(VISIBLE for _ in new))
    assert after.views[1 : 1 + len(kept)] == tuple(singles[at] for at in kept)
    assert [view.flags for view in after.views[1 + len(kept) :]] == [(flag,) for flag in new]
    assert (after.head, after.tail) == (layout.head, layout.tail)
    if layout.open_view and layout.open_view - 1 in kept:
        assert after.views[after.open_view] is layout.views[layout.open_view]
    else:
        assert after.open_view == 0


def test_a_layout_that_lacks_tracks_is_completed() -> None:
    lacking = Layout((View(0, (3,), (0,)), View(1, (2,), (VISIBLE,))))
    after = with_tracks(lacking, [3, 1, 3], [0, 1, 2], [1])
    assert after.views[0] == View(0, (3, 1, 3, 1), (0, VISIBLE, VISIBLE, VISIBLE))
    assert [view.flags for view in after.views[1:]] == [(2,), (1,), (3,), (1,)]


def test_views_of_new_tracks_have_their_name_and_a_style() -> None:
    entries = [("Content/Stylesheets/scoreview0.gpss", b"first"), ("Content/Stylesheets/scoreview1.gpss", b"style")]
    made = dict(view_entries(entries, [7], ["Bäss" + "x" * 200]))
    name = ("Bäss" + "x" * 200).encode()
    # Field 2 of a protocol buffer, length 205 = 0x4D + 0x80 * 1 as a varint.
    assert made == {
        "Content/ScoreViews/7.gpsv": b"\x12\xcd\x01" + name,
        "Content/Stylesheets/scoreview7.gpss": b"style",
    }


def test_views_of_tracks_that_go_go_too() -> None:
    part, shown = layout_bytes(new_layout([3, 3]))
    entries = [("Content/PartConfiguration", part), ("Content/LayoutConfiguration", shown)]
    entries += [(f"Content/ScoreViews/{at}.gpsv", b"") for at in (4, 5, 9)]
    after = dict(shown_entries(entries, [3, 3], [0], [("New", 1)], ["4", "5", "9"]))
    assert sorted(name for name in after if "ScoreViews" in name) == [
        f"Content/ScoreViews/{at}.gpsv" for at in (10, 4, 5)
    ]
    assert parse_layout(after["Content/PartConfiguration"], after["Content/LayoutConfiguration"]) == new_layout([3, 1])


def test_other_programs_files_get_a_layout() -> None:
    after = dict(shown_entries([("score.gpif", b"")], [3, 1], [0, 1], [("New", 3)], []))
    found = parse_layout(after["Content/PartConfiguration"], after["Content/LayoutConfiguration"])
    assert found == new_layout([3, 1, 3])
