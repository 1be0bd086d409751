"""Editing a score's XML as text: found by a parser, changed by splicing, so that all else stays byte for byte."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from xml.parsers import expat
from xml.sax.saxutils import escape

from arranger.errors import SongFileError

SECTIONS = ("Tracks", "MasterBars", "Bars", "Voices", "Beats", "Notes", "Rhythms")
"""Lists of the score that grow, in the order in which they stand."""

_WANTED = frozenset(
    {("MasterTrack",), ("ScoreViews",), ("MasterTrack", "Tracks"), ("ScoreViews", "ScoreView")}
    | {(section,) for section in SECTIONS}
    | {(section, section.removesuffix("s")) for section in SECTIONS}
    | {("MasterBars", "MasterBar", "Bars")}
)
_START_TAG = re.compile(rb"""<[^\s/>]+(?:"[^"]*"|'[^']*'|[^'">])*>""")
_PLAIN_ID = re.compile("[0-9]{1,9}")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Span:
    """Where an element stands in the text, in bytes: `[start, end)` with its tags, `[inner, close)` without.

    An empty element (`<Notes/>`) has `inner == close == end`. `key` is its id.
    """

    start: int
    inner: int
    close: int
    end: int
    key: str


@dataclass(frozen=True)
class ScoreText:
    """The text of a score and where the elements stand that can be edited, by their path below GPIF."""

    text: bytes
    spans: Mapping[tuple[str, ...], tuple[Span, ...]]

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Span]]:
        return {section: {span.key: span for span in self.all(section, section[:-1])} for section in SECTIONS}

    def element(self, section: str, key: str) -> ET.Element | None:
        """A fresh copy of the element of a section with this id; of several the last, as in `gpif_model`."""
        span = self._by_id[section].get(key)
        return None if span is None else ET.fromstring(self.text[span.start : span.end])

    def all(self, *path: str) -> tuple[Span, ...]:
        return self.spans.get(path, ())

    def words(self, span: Span) -> list[str]:
        """What stands in an element that holds a list of ids."""
        return self.text[span.inner : span.close].decode("utf-8").split()

    def next_id(self, section: str) -> int:
        """The first id that no element of a section has, nor a higher one."""
        # Only ids as Guitar Pro writes them count: others can't be equal to ours, which are such.
        keys = (span.key for span in self.all(section, section.removesuffix("s")))
        return max((int(key) for key in keys if _PLAIN_ID.fullmatch(key)), default=-1) + 1


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `new` in place of the bytes [start, end)."""

    start: int
    end: int
    new: str


def scan(score: bytes, name: str) -> ScoreText:
    """Find the elements of a score.

    Raises
    ------
    SongFileError
        if it is no XML in UTF-8.
    """
    text = score.removeprefix(b"\xef\xbb\xbf").lstrip().rstrip(b"\0")
    found: dict[tuple[str, ...], list[Span]] = {}
    path: list[str] = []
    opened: list[tuple[int, int, str] | None] = []
    parser = expat.ParserCreate()

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        path.append(tag)
        if tuple(path[1:]) not in _WANTED:
            opened.append(None)
            return
        at = parser.CurrentByteIndex
        match = _START_TAG.match(text, at)
        assert match is not None  # the parser has just read it
        opened.append((at, match.end(), attributes.get("id", "")))

    def end(_tag: str) -> None:
        known = opened.pop()
        if known is not None:
            at = parser.CurrentByteIndex
            first, inner, key = known
            closed = text.startswith(b"</", at) and at >= inner
            last = text.index(b">", at) + 1 if closed else inner
            span = Span(first, inner, at if closed else inner, last, key)
            found.setdefault(tuple(path[1:]), []).append(span)
        path.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        text.decode("utf-8")
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError) as err:
        remedy = "Open it in Guitar Pro and save it again."
        raise SongFileError(name, f"its score can't be edited ({err})", "score.gpif", remedy) from err
    return ScoreText(text, {path: tuple(spans) for path, spans in found.items()})


def spliced(score: ScoreText, edits: Iterable[Edit]) -> bytes:
    """The text with all edits done; of those at one place the first comes first."""
    out, at = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        assert edit.start >= at, "edits overlap"
        out += [score.text[at : edit.start], edit.new.encode("utf-8")]
        at = edit.end
    return b"".join([*out, score.text[at:]])


def appended(score: ScoreText, section: str, elements: Iterable[str]) -> Edit | None:
    """The edit that puts elements at the end of a section, which is made if the score doesn't have it."""
    new = "".join(f"{element}\n" for element in elements)
    if not new:
        return None
    spans = score.all(section)
    if not spans:
        later = SECTIONS[SECTIONS.index(section) + 1 :] if section in SECTIONS else ()
        at = next((score.all(other)[0].start for other in later if score.all(other)), score.text.rindex(b"</GPIF"))
        return Edit(at, at, f"<{section}>\n{new}</{section}>\n")
    span = spans[-1]
    if span.inner == span.end:  # <Notes/>
        return Edit(span.start, span.end, f"<{section}>\n{new}</{section}>")
    return Edit(span.close, span.close, new)


def id_list(score: ScoreText, span: Span, ids: Iterable[str], tag: str) -> Edit:
    """The edit that puts a list of ids in an element in place of the one it has."""
    new = " ".join(ids)
    old = score.text[span.inner : span.close].decode("utf-8")
    if span.inner == span.end:
        return Edit(span.start, span.end, f"<{tag}>{new}</{tag}>")
    kept = old.rstrip()
    if new.startswith(kept):  # only grown: leave what is there, white space too
        at = span.inner + len(kept.encode("utf-8"))
        return Edit(at, at, new[len(kept) :])
    return Edit(span.inner, span.close, new)


def cdata(text: str) -> str:
    """Text as Guitar Pro writes it; characters that XML doesn't allow become spaces."""
    safe = _FORBIDDEN.sub(" ", text)
    # Two sections that follow each other would do, but not every reader joins them.
    return escape(safe) if "]]>" in safe else f"<![CDATA[{safe}]]>"
