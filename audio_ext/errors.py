"""What can go wrong with sound, as an error of its own kind."""

from __future__ import annotations

from arranger.errors import ArrangerError


class AudioError(ArrangerError):
    """A SoundFont, a recording or an audio file can't be read, rendered or written.

    Parameters
    ----------
    file : name of the file, as the user gave it; empty where no file is at fault.
    problem : what is wrong, as a clause without a full stop.
    place : where ("stem bass", "bar 12"), or None.
    remedy : what the user can do, as a sentence, or None.
    """

    def __init__(self, file: str, problem: str, place: str | None = None, remedy: str | None = None):
        self.file, self.problem, self.place, self.remedy = file, problem, place, remedy
        where = f" ({place})" if place else ""
        head = f"{file}{where}: " if file else ""
        way_out = f" {remedy}" if remedy else ""
        super().__init__(f"{head}{problem}.{way_out}")


def missing_extra(package: str) -> AudioError:
    """The error for a library of the extra that is not installed."""
    return AudioError("", f"This needs the package {package}", None, "Install it with: pip install 'arranger[audio]'")


def reason(err: BaseException) -> str:
    """What an error says, without the file names that an operating system adds."""
    if isinstance(err, OSError) and err.strerror:
        return err.strerror.lower()
    return str(err) or type(err).__name__
