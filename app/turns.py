"""Who may use the model: one at a time, in the order of asking, and nobody for long."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

PATIENCE = 0.1
"""Seconds between two looks at whether somebody who waits has given up."""


class Turns:
    """A lock that is handed round: who has it lets the next one in at every step, so that a long song delays a short
    one by a step and not by a song."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    def take(self, given_up: Callable[[], bool]) -> object | None:
        """Wait for one's turn; a ticket, or None if `given_up` says so before it comes."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            while self._queue[0] is not ticket:
                if given_up():
                    self._queue.remove(ticket)
                    return None
                self._changed.wait(PATIENCE)
        return ticket

    def give(self, ticket: object) -> None:
        """Give the turn back."""
        with self._changed:
            self._queue.remove(ticket)
            self._changed.notify_all()

    def pass_on(self, ticket: object, given_up: Callable[[], bool]) -> None:
        """Let those who wait have a turn each, then go on; at once if `given_up` says so, and then only to `give`."""
        with self._changed:
            if len(self._queue) == 1:
                return
            self._queue.remove(ticket)
            self._queue.append(ticket)
            self._changed.notify_all()
            while self._queue[0] is not ticket:
                if given_up():
                    return  # the ticket is still in the queue: `give` takes it out
                self._changed.wait(PATIENCE)

    def __len__(self) -> int:
        with self._changed:
            return len(self._queue)
