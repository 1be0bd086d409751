"""Sessions on the server, each under an id that nobody can guess; they outlive a reload of the page."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import Any

from .jobs import Job, Progress
from .session import Session
from .turns import Turns

EXPIRY_SECONDS = 24 * 3600.0
MOST_SESSIONS = 64
MOST_BYTES = 400_000_000
"""Of songs and rendered sound, in all sessions; the one that was left alone longest goes first."""
MOST_MEMOS, MOST_MEMO_BYTES = 24, 120_000_000
"""Pictures, sounds and readings that a session keeps."""
ID_BYTES = 24


class Holder:
    """A session with what the server keeps beside it: the running job and what was already drawn or rendered."""

    def __init__(self, session: Session):
        self._lock = threading.Lock()
        self._session = session
        self._memos: OrderedDict[Hashable, Any] = OrderedDict()
        self.job: Job | None = None
        self.used = time.monotonic()
        self.told: tuple[str, str] | None = None
        """Kind and text of a message for the next page."""

    @property
    def session(self) -> Session:
        return self._session

    def update(self, change: Callable[[Session], Session]) -> Session:
        """Replace the session by what `change` makes of it, and nothing comes in between."""
        with self._lock:
            self._session = change(self._session)
            return self._session

    @property
    def busy(self) -> bool:
        return self.job is not None and not self.job.is_over

    def begin(
        self, title: str, work: Callable[[Progress], Any], landed: Callable[[Any], None], turns: Turns | None = None
    ) -> bool:
        """Start a job, unless one is running."""
        with self._lock:
            if self.busy:
                return False
            self.job = Job(title, work, landed, turns).start()
            return True

    def memo(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for a key."""
        with self._lock:
            if key in self._memos:
                self._memos.move_to_end(key)
                return self._memos[key]
        found = make()
        self.remember(key, found)
        return found

    def recall(self, key: Hashable) -> Any:
        """What was made for a key, or None."""
        with self._lock:
            return self._memos.get(key)

    def remember(self, key: Hashable, value: Any) -> None:
        with self._lock:
            self._memos[key] = value
            self._memos.move_to_end(key)
            while len(self._memos) > MOST_MEMOS or (
                len(self._memos) > 1 and sum(_size(one) for one in self._memos.values()) > MOST_MEMO_BYTES
            ):
                self._memos.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes of the song and of what was made of it, about."""
        with self._lock:
            return len(self._session.data) + sum(_size(one) for one in self._memos.values())


class Store:
    """All sessions of a server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._lock = threading.Lock()
        self._holders: dict[str, Holder] = {}
        self._clock = clock

    def add(self, session: Session) -> str:
        """Take a session in; its id."""
        key = secrets.token_urlsafe(ID_BYTES)
        holder = Holder(session)
        holder.used = self._clock()
        with self._lock:
            self._holders[key] = holder
            self._clear()
        return key

    def find(self, key: str | None) -> Holder | None:
        """The session of an id, if there is one and it is not too old."""
        with self._lock:
            self._clear()
            holder = self._holders.get(key) if key else None
            if holder is not None:
                holder.used = self._clock()
            return holder

    def drop(self, key: str) -> None:
        with self._lock:
            holder = self._holders.pop(key, None)
        if holder is not None and holder.job is not None:
            holder.job.stop()

    def __len__(self) -> int:
        return len(self._holders)

    def _clear(self) -> None:
        """Forget what is too old or too much; a session with a running job stays."""
        now = self._clock()
        oldest = sorted(self._holders, key=lambda key: self._holders[key].used)
        total = sum(holder.size for holder in self._holders.values())
        for key in oldest[:-1]:
            holder = self._holders[key]
            crowded = len(self._holders) > MOST_SESSIONS or total > MOST_BYTES
            if not holder.busy and (crowded or now - holder.used > EXPIRY_SECONDS):
                total -= holder.size
                del self._holders[key]
        for key in oldest[-1:]:
            if not self._holders[key].busy and now - self._holders[key].used > EXPIRY_SECONDS:
                del self._holders[key]


def _size(value: Any) -> int:
    if isinstance(value, (bytes, str)):
        return len(value)
    if isinstance(value, dict):
        return sum(_size(one) for one in value.values())
    if is_dataclass(value) and not isinstance(value, type):
        return sum(_size(getattr(value, entry.name)) for entry in fields(value))
    if isinstance(value, (tuple, list)):
        return sum(_size(one) for one in value) if len(value) < 100 else 8 * len(value)
    return 0
