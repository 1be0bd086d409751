"""Figures to files: where they go, told before the work, and written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arranger.errors import SongFileError
from arranger.files import check_place, replace_file
from arranger.pictures.canvas import KINDS, to_files

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_kind(path: Path) -> str:
    """Kind of picture that a path's suffix asks for.

    Raises
    ------
    SongFileError
        if it is none that can be drawn.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        shown = f"pictures are not written as “{path.suffix}”" if path.suffix else "the name has no suffix"
        raise SongFileError(path.name or str(path), shown, None, f"Name it .{', .'.join(KINDS[:-1])} or .{KINDS[-1]}.")
    return kind


def page_paths(path: Path, pages: int) -> tuple[Path, ...]:
    """Files of a picture of so many pages: `roll.png`, or `roll-1.png`, `roll-2.png`; a PDF holds them all."""
    if pages == 1 or picture_kind(path) == "pdf":
        return (path,)
    return tuple(path.with_name(f"{path.stem}-{number + 1}{path.suffix}") for number in range(pages))


def check_pictures(paths: Sequence[Path], *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse before the work what `save_pictures` would refuse after it, and ever to write over the input.

    Raises
    ------
    SongFileError
        if a file is there already, can't be written, or is the song itself.
    """
    for path in paths:
        picture_kind(path)
        name = path.name or str(path)
        check_place(path, name, overwrite)
        if source is not None and path.exists() and source.exists() and os.path.samefile(path, source):
            raise SongFileError(name, "it is the song that was read", None, "Choose another name for the picture.")
        if not os.access(path.parent, os.W_OK):
            problem = "no file can be written there"
            raise SongFileError(name, problem, f"in {path.parent}", "Choose another folder, with -o.")


def save_pictures(figures: Sequence[Figure], path: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write figures as the suffix says, a file or a PDF page each; gives the paths written.

    Raises
    ------
    SongFileError
        if a file exists or the disk refuses.
    """
    paths = page_paths(path, len(figures))
    check_pictures(paths, overwrite=overwrite)
    for target, data in zip(paths, to_files(figures, picture_kind(path)), strict=True):
        try:
            replace_file(target, data, overwrite)
        except FileExistsError as err:
            remedy = "Choose another name, or allow it to be overwritten (--force)."
            raise SongFileError(target.name, "the file exists already", None, remedy) from err
        except OSError as err:
            problem = f"it can't be written ({(err.strerror or str(err)).lower()})"
            raise SongFileError(target.name, problem, f"in {target.parent}", "Choose another folder.") from err
    return paths
