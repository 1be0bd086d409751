"""A SoundFont with one sine wave in it, so that what a renderer should give has a closed form.

The sample is a sine of 440 Hz for key 69, 100 frames a period at 44,000 Hz and looped: it has no seam. Its envelope
opens at once, stays, and closes in some milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

RATE, PERIOD, KEY = 44000, 100, 69
PERIODS = 40
PEAK = 16384 / 32768


def sine_soundfont(
    path: Path,
    presets: Sequence[tuple[int, int]] = ((0, 0),),
    generators: Sequence[tuple[int, int]] = (),
    peak: int = 16384,
    ogg: bytes | None = None,
) -> Path:
    """Write the SoundFont.

    Parameters
    ----------
    presets : (bank, program) of each preset; all play the sine.
    generators : further (generator, amount) of the instrument's zone.
    ogg : the sample as Ogg Vorbis, for a SoundFont 3.
    """
    frames = np.rint(peak * np.sin(2 * np.pi * np.arange(PERIOD * PERIODS) / PERIOD)).astype("<i2")
    samples = ogg or frames.tobytes() + bytes(2 * 46)  # the specification wants 46 frames of silence behind each sample
    zone = [*generators, (54, 1), (53, 0)]  # looped; the sample's number must come last
    in_order = sorted(presets)
    phdr = b"".join(
        struct.pack("<20sHHHIII", f"Sine {bank}/{program}".encode(), program, bank, at, 0, 0, 0)
        for at, (bank, program) in enumerate(in_order)
    ) + struct.pack("<20sHHHIII", b"EOP", 0, 0, len(in_order), 0, 0, 0)
    pbag = b"".join(struct.pack("<HH", at, 0) for at in range(len(in_order) + 1))
    pgen = b"".join(struct.pack("<HH", 41, 0) for _ in in_order) + bytes(4)
    igen = b"".join(struct.pack("<Hh", *one) for one in zone) + bytes(4)
    end, kind = (len(frames), 1) if ogg is None else (len(ogg), 0x11)  # compressed, spans count bytes
    loop = (PERIOD, len(frames) - PERIOD)
    sample = struct.pack("<20sIIIIIBbHH", b"Sine", 0, end, *loop, RATE, KEY, 0, 0, kind)
    pdta = [
        (b"phdr", phdr),
        (b"pbag", pbag),
        (b"pmod", bytes(10)),
        (b"pgen", pgen),
        (b"inst", struct.pack("<20sH", b"Sine", 0) + struct.pack("<20sH", b"EOI", 1)),
        (b"ibag", struct.pack("<HHHH", 0, 0, len(zone), 0)),
        (b"imod", bytes(10)),
        (b"igen", igen),
        (b"shdr", sample + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    ]
    info = [(b"ifil", struct.pack("<HH", 2, 1)), (b"isng", b"EMU8000\0"), (b"INAM", b"Sine\0\0")]
    body = b"sfbk" + _list(b"INFO", info) + _list(b"sdta", [(b"smpl", samples)]) + _list(b"pdta", pdta)
    path.write_bytes(_chunk(b"RIFF", body))
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _list(name: bytes, chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    return _chunk(b"LIST", name + b"".join(_chunk(*one) for one in chunks))


def fundamental(frames: np.ndarray, rate: int) -> float:
    """Frequency of a steady sine in Hz, from the phase that it gains over the whole span."""
    window = frames * np.hanning(len(frames))
    spectrum = np.abs(np.fft.rfft(window, 1 << 20))
    at = int(spectrum.argmax())
    low, peak, high = np.log(spectrum[at - 1 : at + 2])
    return float((at + 0.5 * (low - high) / (low - 2 * peak + high)) * rate / (1 << 20))


def cents(heard: float, meant: float) -> float:
    """Distance of two frequencies in cents."""
    return float(1200 * np.log2(heard / meant))


def key_hertz(key: float) -> float:
    """Frequency of a MIDI key."""
    return float(440 * 2 ** ((key - 69) / 12))


def onsets(frames: np.ndarray, rate: int, threshold: float = 0.02, gap: float = 0.02) -> np.ndarray:
    """Seconds at which something begins after at least `gap` seconds under the threshold."""
    loud = np.flatnonzero(np.abs(frames) > threshold)
    first = np.concatenate([[True], np.diff(loud) > gap * rate])
    return np.asarray(loud[first] / rate)
