"""The tab view: a song as tablature and notation with a player, by alphaTab in the browser."""

from __future__ import annotations

from .view import HOW_TO_GET, available, show_tab

__all__ = ["HOW_TO_GET", "available", "show_tab"]
