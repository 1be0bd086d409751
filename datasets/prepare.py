"""Corpora to training shards: `python -m datasets.prepare FOLDER_OR_TAR... -o SHARDS`.

Every file is read once, put on the grid, deduplicated by its content there (so that the same song under two names or
in two formats counts once), and sent to `train` or `val` by the hash of that content, which no change of order or
of names can alter. A chunk of files is one task and one pair of shards; chunks that are done are not done again, as
long as their files, the settings and everything before them are the same.

All sources of a training set belong into one run: what was made of others in the same folder is left alone and not
looked at for duplicates.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import multiprocessing
import os
import sys
import tarfile
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from arranger.diffusion.shards import FORMAT_VERSION, Piece, write_shard
from datasets.dadagp import iterate_dadagp
from datasets.pieces import Skip, piece_from_file
from datasets.sources import iterate_songs

CHUNK = 1024
"""Files in one shard pair: small enough to lose little when killed, large enough for xz."""

CHUNK_BYTES = 256_000_000

Item = tuple[str, bytes]


def content_hash(piece: Piece) -> str:
    """Hash of what is heard: bars and notes, not names or tempo."""
    digest = hashlib.blake2b(digest_size=16)
    for column in (
        piece.bar_steps,
        piece.bar_notes,
        piece.note_line,
        piece.note_step,
        piece.note_row,
        piece.note_length,
    ):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def is_val(digest: str, share: float) -> bool:
    """True for about `share` of all contents, always the same ones."""
    return int(digest[:8], 16) / 2**32 < share


def _read(item: tuple[str, bytes]) -> tuple[str, Piece | None, str]:
    """(name, piece, its hash), or (name, None, why there is none)."""
    name, data = item
    try:
        piece = piece_from_file(name, data)
        return name, piece, content_hash(piece)
    except Skip as skip:
        return name, None, str(skip)
    except Exception as err:  # one file that nobody foresaw must not end the work on a hundred thousand
        return name, None, f"failed: {type(err).__name__}: {err}"


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Runs of at most `size` items and little more than `CHUNK_BYTES`, so that memory stays bounded."""
    chunk: list[Item] = []
    held = 0
    for item in items:
        chunk.append(item)
        held += len(item[1])
        if len(chunk) == size or held >= CHUNK_BYTES:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def prepare(
    sources: Iterable[Path],
    out: Path,
    val_share: float,
    workers: int,
    chunk: int = CHUNK,
    dadagp: Iterable[Path] = (),
    tokens: bool = False,
) -> Counter[str]:
    """Write shards, `report.tsv` (file, what became of it) and return counts of songs, notes and skips.

    Parameters
    ----------
    sources : folders and .tar.* of song files; those that no longer open midway are reported and left there.
    val_share : share of the songs that go to `val`, 0 to 1.
    dadagp, tokens : folders and .tar.* of the DadaGP release, and whether to take its token texts.
    """
    out.mkdir(parents=True, exist_ok=True)
    seen: dict[str, str] = {}
    totals: Counter[str] = Counter()
    lines: list[str] = []
    inputs = [(source, iterate_songs(source)) for source in sources]
    inputs += [(source, iterate_dadagp(source, tokens)) for source in dadagp]
    key = f"{FORMAT_VERSION} {val_share}"
    with multiprocessing.Pool(workers) as pool, Progress(console=Console(stderr=True), transient=True) as progress:
        for stem, (source, items) in zip(_stems([source for source, _ in inputs]), inputs, strict=True):
            task = progress.add_task(stem, total=None)
            number = -1
            trouble: list[str] = []
            for number, run in enumerate(_chunks(_until_broken(items, trouble), chunk)):
                key = _run_key(key, run)
                entry = _load_ledger(out, f"{stem}-{number:04d}", key)
                if entry is None:
                    entry = _prepare_chunk(pool, run, out, stem, number, val_share, seen, key)
                seen.update(entry["seen"])
                totals.update(entry["counts"])
                lines += [_line(stem, name, what) for name, what in entry["files"]]
                progress.advance(task, len(run))
            if trouble:
                totals["broken sources"] += 1
                lines.append(_line(stem, "", f"{source} could not be read on from here: {trouble[0]}"))
            else:
                _forget(out, stem, number + 1)
    (out / "report.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return totals


def _until_broken(items: Iterable[Item], trouble: list[str]) -> Iterator[Item]:
    """The items until the source gives out; the reason is put into `trouble`."""
    try:
        yield from items
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as err:
        trouble.append(str(err) or type(err).__name__)


def _stems(sources: Sequence[Path]) -> list[str]:
    """A name for each source in shards and report; the second `train` is `train-2`."""
    stems: list[str] = []
    for source in sources:
        name = source.resolve().name.split(".tar")[0] or "songs"
        stem, count = name, 1
        while stem in stems:
            count += 1
            stem = f"{name}-{count}"
        stems.append(stem)
    return stems


def _line(stem: str, name: str, what: str) -> str:
    return f"{stem}/{name}\t{what}".replace("\n", " ").replace("\r", " ")


def _run_key(before: str, run: Sequence[Item]) -> str:
    """What a chunk's shards depend on: names and contents of its files, the settings, and all chunks before it, because
    songs that were seen there are duplicates here."""
    digest = hashlib.blake2b(before.encode(), digest_size=16)
    for name, data in run:
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _load_ledger(out: Path, stem: str, key: str) -> dict[str, Any] | None:
    """What an earlier run wrote for just this, or None."""
    try:
        entry = json.loads((out / f"{stem}.json").read_text(encoding="utf-8"))
        whole = entry["key"] == key and all((out / shard).is_file() for shard in entry["shards"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return entry if whole else None


def _prepare_chunk(
    pool: Pool,
    run: Sequence[Item],
    out: Path,
    stem: str,
    number: int,
    val_share: float,
    seen: Mapping[str, str],
    key: str,
) -> dict[str, Any]:
    files: list[tuple[str, str]] = []
    counts: Counter[str] = Counter()
    fresh: dict[str, str] = {}
    pieces: dict[str, list[Piece]] = {"train": [], "val": []}
    for name, piece, digest in pool.imap(_read, run, chunksize=16):
        if piece is None:
            files.append((name, f"skipped: {digest}"))
            counts["skipped"] += 1
        elif digest in seen or digest in fresh:
            files.append((name, f"duplicate of {seen.get(digest) or fresh[digest]}"))
            counts["duplicates"] += 1
        else:
            fresh[digest] = f"{stem}/{name}"
            split = "val" if is_val(digest, val_share) else "train"
            pieces[split].append(piece)
            files.append((name, split))
            counts.update({split: 1, "bars": len(piece.bar_steps), "notes": len(piece.note_row)})
    shards = []
    for split, songs in pieces.items():
        shard = out / f"{split}-{stem}-{number:04d}.shard"
        shard.unlink(missing_ok=True)
        if songs:
            write_shard(shard, songs)
            shards.append(shard.name)
    entry = {"key": key, "shards": shards, "files": files, "counts": dict(counts), "seen": fresh}
    ledger = out / f"{stem}-{number:04d}.json"
    beside = ledger.with_name(ledger.name + ".part")
    beside.write_text(json.dumps(entry), encoding="utf-8")
    beside.replace(ledger)
    return entry


def _forget(out: Path, stem: str, chunks: int) -> None:
    """Remove what an earlier run with more files left behind the last chunk: its songs would count twice."""
    while (ledger := out / f"{stem}-{chunks:04d}.json").exists():
        for split in ("train", "val"):
            (out / f"{split}-{stem}-{chunks:04d}.shard").unlink(missing_ok=True)
        ledger.unlink()
        chunks += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", type=Path, metavar="FOLDER_OR_TAR")
    parser.add_argument(
        "--dadagp", action="append", default=[], type=Path, metavar="FOLDER_OR_TAR", help="DadaGP release"
    )
    parser.add_argument(
        "--tokens", action="store_true", help="of DadaGP take the token texts, not the Guitar Pro files"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--val-share", type=float, default=0.02, help="share of songs kept for validation (0.02)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    every = [*arguments.sources, *arguments.dadagp]
    if not every:
        parser.error("name at least one folder or archive of songs")
    if not 0 <= arguments.val_share <= 1 or arguments.workers < 1:
        parser.error("--val-share is 0 to 1, --workers at least 1")
    missing = [str(source) for source in every if not source.exists()]
    if missing:
        parser.error(f"not there: {', '.join(missing)}")
    started = time.monotonic()
    totals = prepare(
        arguments.sources,
        arguments.out,
        arguments.val_share,
        arguments.workers,
        dadagp=arguments.dadagp,
        tokens=arguments.tokens,
    )
    size = sum(path.stat().st_size for path in arguments.out.glob("*.shard"))
    summary = ", ".join(f"{totals[key]:,} {key}" for key in ("train", "val", "duplicates", "skipped", "bars", "notes"))
    sys.stdout.write(f"{summary}; {size / 1e6:.1f} MB in {time.monotonic() - started:.0f} s -> {arguments.out}\n")
    if totals["broken sources"]:
        sys.exit(f"{totals['broken sources']} of the sources could not be read to their end; see report.tsv")


if __name__ == "__main__":
    main()
