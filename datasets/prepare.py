"""Corpora to training shards: `python -m datasets.prepare FOLDER_OR_TAR... -o SHARDS`.

Every file is read once, put on the grid, deduplicated by its content there (so that the same song under two names or
in two formats counts once), and sent to `train` or `val` by the hash of that content, which no change of order or
of names can alter. A chunk of files is one task and one pair of shards; chunks that are done are not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from rich.progress import Progress

from arranger.diffusion.shards import Piece, write_shard
from datasets.pieces import Skip, piece_from_file
from datasets.sources import iterate_songs

CHUNK = 1024
"""Files in one shard pair: small enough to lose little when killed, large enough for xz."""


def content_hash(piece: Piece) -> str:
    """Hash of what is heard: bars and notes, not names or tempo."""
    digest = hashlib.blake2b(digest_size=16)
    for column in (piece.bar_steps, piece.bar_notes, piece.note_line, piece.note_step, piece.note_row, piece.note_length):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def is_val(digest: str, share: float) -> bool:
    """True for about `share` of all contents, always the same ones."""
    return int(digest[:8], 16) / 2**32 < share


def _read(item: tuple[str, bytes]) -> tuple[str, Piece | None, str]:
    name, data = item
    try:
        piece = piece_from_file(name, data)
        return name, piece, content_hash(piece)
    except Skip as skip:
        return name, None, str(skip)


def _chunks(items: Iterable[tuple[str, bytes]], size: int) -> Iterator[list[tuple[str, bytes]]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def prepare(sources: Iterable[Path], out: Path, val_share: float, workers: int, chunk: int = CHUNK) -> Counter[str]:
    """Write shards, `report.tsv` (file, what became of it) and return counts of songs, notes and skips."""
    out.mkdir(parents=True, exist_ok=True)
    seen: dict[str, str] = {}
    totals: Counter[str] = Counter()
    lines: list[str] = []
    with multiprocessing.Pool(workers) as pool, Progress(transient=True) as progress:
        for source in sources:
            bar = progress.add_task(source.name, total=None)
            for number, items in enumerate(_chunks(iterate_songs(source), chunk)):
                stem = f"{source.name.split('.')[0]}-{number:04d}"
                ledger = out / f"{stem}.json"
                entry = _load_ledger(ledger, items)
                if entry is None:
                    entry = _prepare_chunk(pool, items, out, stem, val_share, seen)
                    ledger.write_text(json.dumps(entry))
                seen.update(entry["seen"])
                totals.update(entry["counts"])
                lines += [f"{source.name}/{name}\t{what}" for name, what in entry["files"]]
                progress.advance(bar, len(items))
    (out / "report.tsv").write_text("\n".join(lines) + "\n")
    return totals


def _load_ledger(path: Path, items: list[tuple[str, bytes]]) -> dict | None:
    """What an earlier run wrote for just these files, or None."""
    if not path.exists():
        return None
    entry = json.loads(path.read_text())
    return entry if [name for name, _ in entry["files"]] == [name for name, _ in items] else None


def _prepare_chunk(pool, items, out: Path, stem: str, val_share: float, seen: dict[str, str]) -> dict:
    files: list[tuple[str, str]] = []
    counts: Counter[str] = Counter()
    fresh: dict[str, str] = {}
    pieces: dict[str, list[Piece]] = {"train": [], "val": []}
    for name, piece, digest in pool.imap(_read, items, chunksize=16):
        if piece is None:
            files.append((name, f"skipped: {digest}"))
            counts["skipped"] += 1
        elif digest in seen or digest in fresh:
            files.append((name, f"duplicate of {seen.get(digest) or fresh[digest]}"))
            counts["duplicates"] += 1
        else:
            fresh[digest] = name
            split = "val" if is_val(digest, val_share) else "train"
            pieces[split].append(piece)
            files.append((name, split))
            counts.update({split: 1, "bars": len(piece.bar_steps), "notes": len(piece.note_row)})
    for split, run in pieces.items():
        if run:
            write_shard(out / f"{split}-{stem}.shard", run)
    return {"files": files, "counts": dict(counts), "seen": fresh}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, metavar="FOLDER_OR_TAR")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--val-share", type=float, default=0.02, help="share of songs kept for validation (0.02)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    missing = [str(source) for source in arguments.sources if not source.exists()]
    if missing:
        parser.error(f"not there: {', '.join(missing)}")
    started = time.monotonic()
    totals = prepare(arguments.sources, arguments.out, arguments.val_share, arguments.workers)
    size = sum(path.stat().st_size for path in arguments.out.glob("*.shard"))
    summary = ", ".join(f"{totals[key]:,} {key}" for key in ("train", "val", "duplicates", "skipped", "bars", "notes"))
    sys.stdout.write(f"{summary}; {size / 1e6:.1f} MB in {time.monotonic() - started:.0f} s -> {arguments.out}\n")


if __name__ == "__main__":
    main()
