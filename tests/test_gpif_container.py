"""The containers of Guitar Pro 6 to 8: what goes in comes out, and what is made to harm is refused, fast."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.formats import gpif_container
from arranger.formats.gpif_container import Container, open_container, pack_container, parse_score

GPIF = b"<GPIF><GPVersion>7</GPVersion></GPIF>"
SCORE = "Content/score.gpif"
SECTOR = 4096


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def bcfs(files: list[tuple[str, bytes]], sectors: list[int] | None = None, size: int | None = None) -> bytes:
    """A BCFS image: of each file an entry sector, then its data; `sectors` and `size` lie about all of them."""
    image = [b"\0" * SECTOR]
    for name, content in files:
        blocks = [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]
        first = len(image) + 1
        listed = list(range(first, first + len(blocks))) if sectors is None else sectors
        entry = struct.pack("<I", 2) + name.encode().ljust(136, b"\0")
        entry += struct.pack("<II", len(content) if size is None else size, 0)
        entry += b"".join(struct.pack("<I", sector) for sector in listed)
        image += [entry.ljust(SECTOR, b"\0"), *(block.ljust(SECTOR, b"\0") for block in blocks)]
    return b"BCFS" + b"".join(image)


def bcfz(image: bytes, size: int | None = None) -> bytes:
    """`image` packed greedily: a copy where three bytes or more have been seen lately, else runs of literals."""
    bits, at = [], 0
    while at < len(image):
        near = max(0, at - 500)
        length = 0
        while length < 200 and at + length < len(image) and image.find(image[at : at + length + 1], near, at) >= 0:
            length += 1
        found = image.find(image[at : at + length], near, at) if length else -1
        length = min(length, at - found) if length else 0
        if length >= 3:
            width = max(at - found, length).bit_length()
            bits.append(_copy(width, at - found, length))
            at += length
        else:
            run = image[at : at + 3]
            bits.append(f"0{f'{len(run):02b}'[::-1]}" + "".join(f"{byte:08b}" for byte in run))
            at += len(run)
    text = "".join(bits)
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    packed = int("1" + text, 2).to_bytes(len(text) // 8 + 1, "big")[1:]
    return b"BCFZ" + struct.pack("<I", len(image) if size is None else size) + packed


def _copy(width: int, distance: int, length: int) -> str:
    return f"1{width:04b}" + f"{distance:0{width}b}"[::-1] + f"{length:0{width}b}"[::-1]


names = st.text(st.characters(codec="ascii", min_codepoint=97, max_codepoint=122), min_size=1, max_size=12)
contents = st.one_of(st.binary(max_size=5000), st.binary(max_size=30).map(lambda part: part * 400))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(names, contents, max_size=5), st.binary(min_size=1, max_size=3000))
def test_round_trip_of_zips(others: dict[str, bytes], score: bytes) -> None:
    files = [*others.items(), (SCORE, score), ("Content/", b"")]
    container = open_container(zipped(*files), "a.gp")
    assert container == Container("gp", score, tuple(files))
    changed = Container("gp", b"<GPIF/>", container.entries)
    packed = pack_container(changed)
    assert packed == pack_container(changed)
    again = open_container(packed, "a.gp")
    assert again.score == b"<GPIF/>"
    assert [entry for entry in again.entries if entry[0] != SCORE] == [entry for entry in files if entry[0] != SCORE]
    assert [name for name, _ in again.entries] == [name for name, _ in files]


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(names, contents, max_size=3), contents, st.booleans())
def test_round_trip_of_gpx(others: dict[str, bytes], score: bytes, packed: bool) -> None:
    files = [*others.items(), ("score.gpif", score)]
    image = bcfs(files)
    container = open_container(bcfz(image) if packed else image, "a.gpx")
    assert container == Container("gpx", score, tuple(files))
    again = open_container(pack_container(container), "a.gp")
    assert again.entries == (("VERSION", b"7.0"), (SCORE, score))


def test_a_copy_may_reach_over_its_own_beginning_only_as_far_as_it_goes_back() -> None:
    """A copy of six bytes from two back gives two: so the files of Guitar Pro are packed."""
    bits = "0" + "01" + f"{65:08b}{66:08b}" + _copy(3, 2, 6) + "0" + "10" + f"{67:08b}"
    packed = int(bits.ljust(48, "0"), 2).to_bytes(6, "big")
    assert gpif_container._inflate(packed, 5, "a.gpx") == b"ABABC"


def test_all_files_of_the_pack(data_pack: Callable[[str], Path]) -> None:
    paths = [path for path in data_pack("guitarpro").rglob("*.gp*") if path.suffix in (".gp", ".gpx")]
    assert len(paths) == 236
    for path in paths:
        container = open_container(path.read_bytes(), path.name)
        assert container.format == path.suffix[1:]
        assert parse_score(container, path.name).find("Tracks") is not None
        again = open_container(pack_container(container), path.name)
        assert again.score == container.score
        if container.format == "gp":
            assert again == container


def bomb(size: int) -> bytes:
    return zipped((SCORE, b" " * size))


def lying(data: bytes, size: int) -> bytes:
    """The zip with another declared size of its only file."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:22] + struct.pack("<I", size) + data[26:at] + struct.pack("<I", size) + data[at + 4 :]


def literals(count: int) -> bytes:
    return int(("01001010101" * count).ljust(-(-11 * count // 8) * 8, "0"), 2).to_bytes(-(-11 * count // 8), "big")


HARM: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (lambda: bomb(100_000_000), "unpacks to more than 64 MB"),
    "score bomb": (lambda: bomb(40_000_000), "unpacks to more than 16 MB"),
    "zip that lies": (lambda: lying(bomb(40_000_000), 100), "damaged|unpacks to more"),
    "many small files": (lambda: zipped(*((f"{at}", b"") for at in range(2000))), "more than 1,000 files"),
    "no score": (lambda: zipped(("a.txt", b"x")), "holds no score.gpif"),
    "cut off": (lambda: zipped((SCORE, GPIF * 100))[:-30], "damaged"),
    "locked": (lambda: _locked(zipped((SCORE, GPIF))), "locked with a password"),
    "odd packing": (lambda: zipped((SCORE, GPIF), method=zipfile.ZIP_LZMA), "packed in a way"),
    "BCFZ that says too much": (lambda: b"BCFZ\xff\xff\xff\xff", "says that it unpacks to 4294 MB"),
    "BCFZ of single bytes": (lambda: b"BCFZ" + struct.pack("<I", 60_000_000) + literals(1_450_000), "BCFS head"),
    "BCFZ of nothing": (lambda: b"BCFZ" + struct.pack("<I", 60_000_000) + bytes(1_900_000), "empty runs"),
    "BCFZ too long": (lambda: b"BCFZ" + struct.pack("<I", 60_000_000) + bytes(2_100_000), "more than 2 MB"),
    "copy from nowhere": (lambda: b"BCFZ\x09\0\0\0" + b"\x90\xff\xff", "before its beginning"),
    "copy without length": (lambda: b"BCFZ\x09\0\0\0" + b"\x80\0\0", "no length"),
    "sectors in a circle": (lambda: bcfs([("score.gpif", GPIF)], [2, 2, 2]), "in a circle"),
    "sectors outside": (lambda: bcfs([("score.gpif", GPIF)], [2, 999]), "out of the file"),
    "neither": (lambda: b"GIF89a", "isn't a Guitar Pro 6, 7 or 8 file"),
}


def _locked(data: bytes) -> bytes:
    at = data.index(b"PK\x01\x02") + 8
    return data[:6] + b"\1" + data[7:at] + b"\1" + data[at + 1 :]


@pytest.mark.parametrize("kind", HARM)
def test_harm_is_refused(kind: str) -> None:
    make, words = HARM[kind]
    data = make()
    start = time.process_time()
    with pytest.raises(SongFileError, match=words):
        open_container(data, "a.gp")
    assert time.process_time() - start < 5


def test_shared_sectors_do_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpif_container, "MAX_TOTAL_BYTES", 50_000)
    files = [(f"{at}", b"x" * SECTOR) for at in range(30)]
    with pytest.raises(SongFileError, match="unpacks to more"):
        open_container(bcfs([*files, ("score.gpif", GPIF)], [2]), "a.gpx")


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../b", "C:\\x", "a\\b", "x\0y", "a\nb"])
def test_odd_names_are_left_out(name: str) -> None:
    data = zipped((SCORE, GPIF), ("safe", b"1"))
    odd = zipped((SCORE, GPIF), (name.replace("\0", "0").replace("\n", "0"), b"evil"), ("safe", b"1"))
    if name.isprintable():
        assert [entry[0] for entry in open_container(odd, "a.gp").entries] == [SCORE, "safe"]
    assert not gpif_container._harmless(name)
    assert open_container(data, "a.gp").score == GPIF


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_doubled_name_the_first_is_taken() -> None:
    container = open_container(zipped((SCORE, GPIF), (SCORE, b"<other/>")), "a.gp")
    assert container.entries == ((SCORE, GPIF),)
    assert open_container(pack_container(container), "a.gp") == container


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><GPIF>&a;</GPIF>', "document type"),
        (b"<GPIF>" * 40 + b"</GPIF>" * 40, "more than 32 deep"),
        (b"<GPIF>" + b"<a/>" * 500_001 + b"</GPIF>", "more than 500,000 elements"),
        (b"<GPIF>", "damaged"),
        (b"", "damaged"),
        (b"\xff\xfe<\0G\0P\0", "isn't UTF-8"),
        (b"<other/>", "its root is"),
        (b"<GPIF>&amp;&nothing;</GPIF>", "damaged"),
    ],
)
def test_scores_that_are_refused(score: bytes, words: str) -> None:
    with pytest.raises(SongFileError, match=words):
        parse_score(Container("gp", score, ()), "a.gp")


def test_a_byte_order_mark_and_padding_do_no_harm() -> None:
    assert parse_score(Container("gpx", b"\xef\xbb\xbf\n" + GPIF + b"\0\0", ()), "a.gpx").tag == "GPIF"


FILES = [("misc.xml", b"<a/>"), ("score.gpif", GPIF * 40)]
SEEDS = [zipped(*FILES), bcfs(FILES), bcfz(bcfs(FILES))]


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_files_give_their_score_or_an_error(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    try:
        container = open_container(bytes(damaged), "a.gpx")
        parse_score(container, "a.gpx")
    except SongFileError:
        return
    assert container.score
