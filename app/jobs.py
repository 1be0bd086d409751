"""Work that takes seconds, in a thread of its own: told how far it is, and stopped when the user says so."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from arranger.errors import ArrangerError

from .turns import Turns

Progress = Callable[[float], None]
BUG = "This is a bug in arranger ({}). Your song is safe: save the session, and try other settings."


class Stopped(Exception):
    """The user has stopped the work."""


class Job:
    """A piece of work.

    state : waiting, running, done, stopped or failed. share : 0 to 1. message : what went wrong, in a sentence.

    Parameters
    ----------
    work : is given a progress callback, and must let what that raises through.
    landed : gets the result, in the job's thread. turns : to wait for, if others must not work at the same time.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[Progress], Any],
        landed: Callable[[Any], None],
        turns: Turns | None = None,
    ):
        self.title, self.state, self.share, self.message = title, "waiting", 0.0, ""
        self.began = time.monotonic()
        self.seconds = 0.0
        self._work, self._landed, self._turns = work, landed, turns
        self._stop = threading.Event()
        self._ticket: object | None = None
        self._thread = threading.Thread(target=self._run, name="arranger-job", daemon=True)

    def start(self) -> Job:
        self._thread.start()
        return self

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "stopped", "failed")

    def stop(self) -> None:
        """Ask the work to stop; it does at its next step."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; False if it hasn't come in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _progress(self, share: float) -> None:
        self.share = max(self.share, min(1.0, share))
        if self._turns is not None and self._ticket is not None:
            self._turns.pass_on(self._ticket, self._stop.is_set)
        if self._stop.is_set():
            raise Stopped

    def _run(self) -> None:
        try:
            if self._turns is not None:
                self._ticket = self._turns.take(self._stop.is_set)
                if self._ticket is None:
                    raise Stopped
            self.state = "running"
            try:
                result = self._work(self._progress)
            finally:
                if self._turns is not None and self._ticket is not None:
                    self._turns.give(self._ticket)
            if self._stop.is_set():
                raise Stopped
            self._landed(result)
            over = "done"
        except Stopped:
            over = "stopped"
        except ArrangerError as err:
            self.message, over = str(err), "failed"
        except Exception as err:
            logging.getLogger(__name__).exception("A job failed.")
            self.message, over = BUG.format(type(err).__name__), "failed"
        self.seconds = time.monotonic() - self.began
        self.state = over
