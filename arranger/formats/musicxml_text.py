"""The text of a MusicXML file, safely: packed or plain, its one allowed document type taken off, sizes bounded."""

from __future__ import annotations

import codecs
import io
import re
import xml.etree.ElementTree as ET
import zipfile

from arranger.errors import SongFileError

MAX_TEXT_BYTES = 25_000_000
MAX_ELEMENTS = 1_500_000
MAX_DEPTH = 40
MAX_ENTRIES = 500
MAX_TRACKS = 512
MAX_NOTES = 100_000
MAX_BARS = 20_000
MAX_WORDS = 200
"""Characters of a name or title."""
CONTAINER = "META-INF/container.xml"
ROOTS = ("score-partwise", "score-timewise")

_CHUNK = 1 << 20
_REMEDY = "Open it in the program that it comes from and export it again."
_HEAD = re.compile(r"\s*(<\?xml[^>]{0,200}\?>)?(\s|<!--.*?-->|<\?[^>]{0,500}\?>)*", re.DOTALL)
_DOCTYPE = re.compile(
    r"<!DOCTYPE\s+(score-partwise|score-timewise|container)\s*"
    r"(PUBLIC\s+(\"[^\"<>\[]{0,200}\"|'[^'<>\[]{0,200}')\s+|SYSTEM\s+)?(\"[^\"<>\[]{0,300}\"|'[^'<>\[]{0,300}')?\s*>"
)
_ENCODING = re.compile(r"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")


def looks_like_musicxml(data: bytes) -> bool:
    """True if the first lines name MusicXML's root element."""
    head = data[:8000]
    for coding in ("utf-16-le", "utf-16-be"):
        if head.startswith(codecs.BOM_UTF16_LE if coding.endswith("le") else codecs.BOM_UTF16_BE):
            head = head.decode(coding, "ignore").encode()
    return any(root.encode() in head for root in ROOTS)


def parse_xml(data: bytes, name: str) -> ET.Element:
    """Root element of an XML text.

    Raises
    ------
    SongFileError
        if it isn't well-formed, declares anything but MusicXML's own document type without a body, or is too large.
    """
    text = decoded(data, name)
    start = _HEAD.match(text)
    begin = start.end() if start else 0
    if doctype := _DOCTYPE.match(text, begin):
        begin = doctype.end()
    if "<!DOCTYPE" in text[begin:] or "<!ENTITY" in text:
        problem = "it declares a document type of its own, which no score does and which can be an attack"
        raise SongFileError(name, problem, None, _REMEDY)
    if text.count("<") - text.count("</") > MAX_ELEMENTS:
        problem = f"it has more than {MAX_ELEMENTS:,} elements"
        raise SongFileError(name, problem, None, "Export the parts that you need.")
    try:
        root = ET.fromstring(text[begin:])
    except (ET.ParseError, ValueError) as err:
        raise SongFileError(name, f"it is damaged ({err})", None, _REMEDY) from err
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return root
    raise SongFileError(name, f"its elements are nested more than {MAX_DEPTH} deep", None, _REMEDY)


def decoded(data: bytes, name: str) -> str:
    """The text of the bytes, as their mark or declaration says; UTF-8 without either."""
    if len(data) > MAX_TEXT_BYTES:
        problem = f"its text is larger than {MAX_TEXT_BYTES // 1_000_000} MB"
        raise SongFileError(name, problem, None, "Export the parts that you need.")
    coding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        coding = "utf-16"
    elif declared := _ENCODING.match(data[:300].decode("latin-1").lstrip()):
        wanted = declared[1].lower()
        coding = wanted if wanted in ("iso-8859-1", "latin-1", "windows-1252", "us-ascii") else coding
    try:
        return data.decode(coding)
    except UnicodeDecodeError as err:
        raise SongFileError(name, f"its text is not {coding}", None, _REMEDY) from err


def unpack_mxl(data: bytes, name: str) -> bytes:
    """The score of a compressed file: what its container.xml names first, else its first score by ending."""
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise SongFileError(name, f"it holds more than {MAX_ENTRIES} files", None, "Is it the right file?")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            wanted = _root_file(_entry(archive, CONTAINER, name), name) if CONTAINER in names else None
            scores = [n for n in names if n.lower().endswith((".musicxml", ".xml")) and not n.startswith("META-INF")]
            chosen = wanted if wanted in names else next(iter(scores), None)
            if chosen is None:
                raise SongFileError(name, "it is a zip without a score", None, _REMEDY)
            return _entry(archive, chosen, name)
    except SongFileError:
        raise
    except Exception as err:  # zipfile, zlib and struct each have their own
        raise SongFileError(name, f"it is damaged ({err or type(err).__name__})", None, _REMEDY) from err


def _entry(archive: zipfile.ZipFile, entry: str, name: str) -> bytes:
    info = archive.getinfo(entry)
    if info.flag_bits & 0x1:
        raise SongFileError(name, "it is locked with a password", None, "Unlock it and export it again.")
    content = bytearray()
    with archive.open(info) as file:
        while chunk := file.read(_CHUNK):  # in chunks, because the declared size can lie
            content += chunk
            if len(content) > MAX_TEXT_BYTES:
                problem = f"it unpacks to more than {MAX_TEXT_BYTES // 1_000_000} MB"
                raise SongFileError(name, problem, None, "Export the parts that you need.")
    return bytes(content)


def _root_file(container: bytes, name: str) -> str | None:
    for element in parse_xml(container, name).iter():
        if element.tag.rpartition("}")[2] == "rootfile" and element.get("full-path"):
            return element.get("full-path")
    return None
