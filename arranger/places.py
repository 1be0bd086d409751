"""Bars and sections by number or by name, as the user says them.

`9-16`, `9-`, `-16`, `9`; `verse` (every verse), `Chorus 2` (the one of that name, else the second chorus); `A` (every
section A), `B2` (the second B); `A-B` or `Intro-Verse 1` (from the first to the end of the second); several with
commas. Names of the file count more than letters, capitals don't count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from arranger.errors import FillRequestError
from arranger.sections import MAX_SECTIONS, Section, letter
from arranger.song import Song

LONGEST = 2_000
"""Characters; nobody names more places."""

_BARS = re.compile(r"(\d{1,6})?\s*([-–])?\s*(\d{1,6})?")
_NUMBERED = re.compile(r"(.*?)[\s_]*(\d{1,3})")
_SECTION = re.compile(r"(?P<name>.*[^\s:=])(?:\s*[:=]\s*|\s+)(?P<bars>\d{1,6}\s*(?:[-–]\s*\d{0,6})?|[-–]\s*\d{1,6})")


def parse_places(text: str, song: Song, sections: Sequence[Section]) -> tuple[int, ...]:
    """The bars that are meant, counted from 0, sorted, each once.

    Raises
    ------
    FillRequestError
        if a bar is not in the song, or a name is unknown; the message lists the sections that there are.
    """
    if len(text) > LONGEST:
        raise FillRequestError(f"That is too long for a list of bars; write at most {LONGEST} characters.")
    found: set[int] = set()
    whole = _named(text, sections)  # a section's name may hold a comma
    items = [text] if whole else text.split(",")
    for item in items:
        found.update(_place(item.strip(), len(song.bars), sections))
    return tuple(sorted(found))


def _place(item: str, count: int, sections: Sequence[Section]) -> range | set[int]:
    if not item:
        raise FillRequestError("No bars are named; write 9-16, 9-, -16, 9 or the name of a section.")
    bars = _bars(item)
    if bars is not None:
        first, last = bars[0], min(bars[1], count) if bars[2] else bars[1]
        if not 1 <= first <= last <= count:
            wrong = f"Bars {first}-{last} are" if first != last else f"Bar {first} is"
            raise FillRequestError(f"{wrong} not in this song; it has bars 1-{count}{_listed(sections)}.")
        return range(first - 1, last)
    named = _named(item, sections)
    if named:
        return {bar for section in named for bar in range(section.first, section.last)}
    for match in re.finditer(r"\s*[-–]\s*", item):
        begins, ends = _named(item[: match.start()], sections), _named(item[match.end() :], sections)
        if begins and ends:
            first_bar = begins[0].first
            last_bar = next((section.last for section in ends if section.last > first_bar), None)
            if last_bar is None:
                raise FillRequestError(f"“{item[: match.start()]}” comes after “{item[match.end() :]}” in this song.")
            return range(first_bar, last_bar)
    raise FillRequestError(
        f"There is no section “{item[:40]}”; name bars of 1-{count}{_listed(sections)}."
        if sections
        else f"“{item[:40]}” is no run of bars; write 9-16, 9-, -16 or 9, of 1-{count}."
    )


def _bars(item: str) -> tuple[int, int, bool] | None:
    """First and last bar as they are written, and whether the end is open; None if the item is no run of bars."""
    match = _BARS.fullmatch(item)
    if not match or not (match[1] or match[3]) or (match[1] and match[3] and not match[2]):
        return None
    first = int(match[1]) if match[1] else 1
    if not match[2]:
        return first, first, False
    # An open end reaches as far as the song does, but not backwards.
    return (first, int(match[3]), False) if match[3] else (first, 10**7, True)


def _named(text: str, sections: Sequence[Section]) -> list[Section]:
    """Sections that a name means, in order: all of a kind, the exact name, the nth of a kind; else a letter."""
    wanted = _plain(text)
    if not wanted:
        return []
    by_name = [(section, _plain(section.name)) for section in sections if section.name]
    by_letter = [(section, section.label.casefold()) for section in sections]
    match = _NUMBERED.fullmatch(wanted)
    kind, number = (match[1], int(match[2])) if match and match[1] else ("", 0)
    same = [section for section, name in by_name if kind and _kind(name) == kind]
    alike = [section for section, letter in by_letter if letter == kind]
    # “B2” is the second B, but songs with more than 26 different sections have a letter B2.
    found = (
        [section for section, name in by_name if _kind(name) == wanted],
        [section for section, name in by_name if name == wanted],
        same[number - 1 : number] if number else [],
        [section for section, letter in by_letter if letter == wanted],
        alike[number - 1 : number] if number else [],
    )
    return next((sections for sections in found if sections), [])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _kind(name: str) -> str:
    """`chorus` of `chorus 2`."""
    match = _NUMBERED.fullmatch(name)
    return match[1] if match and match[1] else name


def _listed(sections: Sequence[Section], most: int = 12) -> str:
    """The sections that there are, as the end of a sentence."""
    if not sections:
        return ""
    told = [f"{one.name or one.label} ({one.first + 1}-{one.last})" for one in sections[:most]]
    more = f" and {len(sections) - most} more" if len(sections) > most else ""
    return f", or the sections {', '.join(told)}{more}"


def parse_sections(text: str, song: Song) -> tuple[Section, ...]:
    """Sections as the user corrects them: `Verse 1-8, Chorus 9-16`, also `Verse 2: 17-24` and `Coda 41-`.

    Names that differ by their number alone have one letter. Bars that are not named are sections of their own, without
    a name.

    Raises
    ------
    FillRequestError
        if an entry can't be read, is not in the song or overlaps another.
    """
    count = len(song.bars)
    named: list[tuple[int, int, str]] = []
    if len(text) > LONGEST or text.count(",") >= MAX_SECTIONS:
        raise FillRequestError(f"Those are too many sections; name at most {MAX_SECTIONS}.")
    for item in (entry.strip() for entry in text.split(",")):
        match = _SECTION.fullmatch(item)
        bars = _bars(match["bars"].strip()) if match else None
        if not match or bars is None:
            raise FillRequestError(
                f"“{item[:40]}” should be a section and its bars, as in Verse 1-8 or Chorus 2: 17-24."
            )
        first, last = bars[0], count if bars[2] else bars[1]
        if not 1 <= first <= last <= count:
            raise FillRequestError(f"“{item[:40]}” is not in this song; it has bars 1-{count}.")
        named.append((first - 1, last, match["name"]))
    named.sort()
    sections: list[Section] = []
    letters: dict[str, str] = {}
    at, given = 0, 0
    for first, last, name in [*named, (count, count, "")]:
        if first < at:
            before = sections[-1]
            raise FillRequestError(
                f"“{name[:40]}” begins in bar {first + 1}, inside “{before.name[:40]}” "
                f"({before.first + 1}-{before.last}); let sections follow each other."
            )
        if first > at:
            sections.append(Section(at, first, letter(given)))
            given += 1
        if first < last:
            kind = _kind(_plain(name))
            if kind not in letters:
                letters[kind] = letter(given)
                given += 1
            sections.append(Section(first, last, letters[kind], name))
        at = last
    return tuple(sections)
