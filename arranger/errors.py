"""Everything that can go wrong for a user, one type per kind of trouble.

A message names the file, the place in it and the way out; the command line prints it as it stands.
"""

from __future__ import annotations


class ArrangerError(Exception):
    """Base of all errors that are the input's or the request's, not a bug."""


class SongFileError(ArrangerError):
    """A song file can't be read or written.

    Parameters
    ----------
    file : name of the file, as the user gave it.
    problem : what is wrong, as a clause without a full stop.
    place : where in the file ("track 3, bar 12"), or None for the file as a whole.
    remedy : what the user can do, as a sentence, or None.
    """

    def __init__(self, file: str, problem: str, place: str | None = None, remedy: str | None = None):
        self.file, self.problem, self.place, self.remedy = file, problem, place, remedy
        where = f" ({place})" if place else ""
        way_out = f" {remedy}" if remedy else ""
        super().__init__(f"{file}{where}: {problem}.{way_out}")


class FillRequestError(ArrangerError):
    """A request can't be met for this song; the message says what could be."""


class CheckpointError(ArrangerError):
    """A model file is missing, damaged, or of another format version."""


class TrainingError(ArrangerError):
    """A training run can't start or go on: bad config, missing shards, diverged loss."""
