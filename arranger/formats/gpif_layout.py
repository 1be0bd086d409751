"""Which staves Guitar Pro 7 and 8 show: PartConfiguration, LayoutConfiguration and the score views of a .gp file.

Guitar Pro 8 doesn't open a file of several tracks without them, and it counts: one view of all tracks, then one view of
each track; so they grow and shrink with the tracks. The layout of both binary files was found by comparing real ones:

- PartConfiguration: int32 number of views; of each view a byte (multi-bar rests), int32 number of tracks and a byte a
  track (1 standard notation, 2 tablature, 4 slashes, 8 numbers); int32 the view that is open.
- LayoutConfiguration: int32 zoom, byte page layout, byte (cursor of several voices), a byte of visibility for each
  track of each view, and int32, of unknown meaning, that is kept. All numbers big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

STANDARD, TABLATURE = 1, 2
VISIBLE = 0xFF
MAX_VIEWS = 4096

PART_NAME, LAYOUT_NAME = "PartConfiguration", "LayoutConfiguration"
_VIEW_NAME = "Content/ScoreViews/{}.gpsv"
_STYLE_NAME = "Content/Stylesheets/scoreview{}.gpss"

_HEAD = struct.pack(">IBB", 4, 1, 0)
"""Zoom, page layout and cursor of 114 of 199 real files."""


@dataclass(frozen=True, slots=True)
class View:
    """One view: `flags` and `visible` have an entry for each track that it shows."""

    multi_rest: int
    flags: tuple[int, ...]
    visible: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Both configurations together: the views, and what else stands in the files."""

    views: tuple[View, ...]
    open_view: int = 0
    head: bytes = _HEAD
    tail: bytes = bytes(4)


def parse_layout(part: bytes, layout: bytes) -> Layout:
    """Both files as one value.

    Raises
    ------
    ValueError
        if one of them is not laid out as described above.
    """
    try:
        (count,) = struct.unpack_from(">I", part)
        if count > MAX_VIEWS:
            raise ValueError(f"{count} views")
        at, shown, views = 4, 6, []
        for _ in range(count):
            multi_rest, size = struct.unpack_from(">BI", part, at)
            at += 5
            flags, visible = part[at : at + size], layout[shown : shown + size]
            if len(flags) != size or len(visible) != size:
                raise ValueError("it is cut off")
            at, shown = at + size, shown + size
            views.append(View(multi_rest, tuple(flags), tuple(visible)))
        (open_view,) = struct.unpack_from(">I", part, at)
    except struct.error as err:
        raise ValueError("it is cut off") from err
    if at + 4 != len(part) or len(layout) < 6:
        raise ValueError("its length is odd")
    return Layout(tuple(views), open_view, layout[:6], layout[shown:])


def layout_bytes(layout: Layout) -> tuple[bytes, bytes]:
    """PartConfiguration and LayoutConfiguration; the opposite of `parse_layout`."""
    part = struct.pack(">I", len(layout.views))
    for view in layout.views:
        part += struct.pack(">BI", view.multi_rest, len(view.flags)) + bytes(view.flags)
    part += struct.pack(">I", layout.open_view)
    return part, layout.head + b"".join(bytes(view.visible) for view in layout.views) + layout.tail


def new_layout(flags: Sequence[int]) -> Layout:
    """Layout of a new file; `flags` has an entry a track."""
    visible = (VISIBLE,) * len(flags)
    return Layout((View(0, tuple(flags), visible), *(View(0, (flag,), (VISIBLE,)) for flag in flags)))


def with_tracks(layout: Layout, old: Sequence[int], kept: Sequence[int], new: Sequence[int]) -> Layout:
    """The layout with some tracks left out and new ones at the end.

    Parameters
    ----------
    old : flags for the source's tracks where the layout doesn't have them (a file made by another program).
    kept : indices of the tracks that stay, in order.
    new : flags of the new tracks.
    """
    views = layout.views or (View(0, (), ()),)
    band = views[0]
    missing = old[len(band.flags) :]
    flags = (*band.flags[: len(old)], *missing)
    visible = (*band.visible[: len(old)], *(VISIBLE for _ in missing))
    singles = [views[at + 1] if at + 1 < len(views) else View(0, (flags[at],), (VISIBLE,)) for at in range(len(old))]
    band = replace(
        band,
        flags=(*(flags[at] for at in kept), *new),
        visible=(*(visible[at] for at in kept), *(VISIBLE for _ in new)),
    )
    added = [View(0, (flag,), (VISIBLE,)) for flag in new]
    # The open view is the band (0) or that of a track, which may have gone or moved.
    at = layout.open_view - 1
    open_view = kept.index(at) + 1 if at in kept else 0
    return replace(layout, views=(band, *(singles[at] for at in kept), *added), open_view=open_view)


def view_entries(
    entries: Sequence[tuple[str, bytes]], ids: Sequence[int], names: Sequence[str]
) -> tuple[tuple[str, bytes], ...]:
    """Files of new score views: the name of each, and a style sheet like that of the last view that has one.

    A view file is a protocol buffer; field 2 is the view's name, and what is left out is as Guitar Pro likes it.
    """
    styles = [content for name, content in entries if name.startswith("Content/Stylesheets/scoreview")]
    made: list[tuple[str, bytes]] = []
    for number, name in zip(ids, names, strict=True):
        text = name.encode("utf-8")
        made.append((_VIEW_NAME.format(number), b"\x12" + _varint(len(text)) + text))
        if styles:
            made.append((_STYLE_NAME.format(number), styles[-1]))
    return tuple(made)


def new_views(views: Sequence[str], count: int) -> tuple[int, ...]:
    """Ids for the views of new tracks."""
    first = max((int(view) for view in views if view.isdecimal()), default=-1) + 1
    return tuple(range(first, first + count))


def track_views(views: Sequence[str], tracks: int, gone: Sequence[int]) -> tuple[str, ...]:
    """Ids of the views of tracks that go; none if the views are not one of all tracks and one of each."""
    return tuple(views[at + 1] for at in gone) if len(views) == tracks + 1 else ()


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def shown_entries(
    entries: Sequence[tuple[str, bytes]],
    old: Sequence[int],
    kept: Sequence[int],
    new: Sequence[tuple[str, int]],
    views: Sequence[str],
) -> tuple[tuple[str, bytes], ...]:
    """The files of a container with both configurations and the score views made to fit the tracks.

    Parameters
    ----------
    entries : of the source. A .gpx file has no folder “Content”; what is to go into the .gp file is put there.
    old : flags for the source's tracks where it has none; `kept` the indices of those that stay.
    new : (name, flags) of the new tracks.
    views : ids of the score's views, the one of all tracks first; empty before Guitar Pro 8.
    """
    content = dict(entries)
    by_name = {name.rpartition("/")[2]: name for name, _ in reversed(entries)}
    part, shown = (content.get(by_name.get(name, ""), b"") for name in (PART_NAME, LAYOUT_NAME))
    try:
        layout = parse_layout(part, shown)
    except ValueError:  # none, or another program's
        layout = new_layout(old)
    part, shown = layout_bytes(with_tracks(layout, old, kept, [flags for _, flags in new]))
    content |= {f"Content/{PART_NAME}": part, f"Content/{LAYOUT_NAME}": shown}
    style = by_name.get("BinaryStylesheet")
    if style is not None:
        content.setdefault("Content/BinaryStylesheet", content[style])
    if views:
        content |= dict(view_entries(entries, new_views(views, len(new)), [name for name, _ in new]))
        dead = track_views(views, len(old), [at for at in range(len(old)) if at not in kept])
        for view in dead:
            content.pop(_VIEW_NAME.format(view), None)
            content.pop(_STYLE_NAME.format(view), None)
    return tuple(content.items())
