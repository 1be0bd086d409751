"""Pictures of sound: waveforms and mel spectrograms, of arrays or of files. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arranger.pictures.canvas import LIGHT, Theme, new_figure, readable
from audio_ext.errors import AudioError
from audio_ext.recordings import Recording, read_recording
from audio_ext.spectra import banded, mel, mel_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, LANE, MARGIN = 14.0, 1.1, 0.75
"""Inches: of a figure, of a waveform, and of what stands above and below."""
COLUMNS = 2_400
"""A waveform is drawn as so many lowest and highest values; more are finer than the picture."""
MOST_WAVEFORMS = 32
MEL_BANDS = 128
WINDOW = 0.064
FLOOR_DB = -80.0
MARKS_HZ = (60, 125, 250, 500, 1000, 2000, 4000, 8000)


def envelope_of(samples: np.ndarray, columns: int = COLUMNS) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) sample of equal stretches, float (column,); fewer columns for fewer samples."""
    count = max(1, min(columns, len(samples)))
    edges = np.arange(count) * len(samples) // count
    return np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def waveform_figure(sounds: Mapping[str, Recording], theme: Theme = LIGHT, title: str = "") -> Figure:
    """Waveforms one above the other on one time and one scale, such as stems over their mix.

    Parameters
    ----------
    sounds : name -> sound; channels are drawn over each other.

    Raises
    ------
    AudioError
        if there are none, or more than 32.
    """
    if not 0 < len(sounds) <= MOST_WAVEFORMS:
        raise AudioError("", f"{len(sounds)} sounds can't be drawn at once", None, f"Give 1 to {MOST_WAVEFORMS}.")
    figure = new_figure(WIDTH, MARGIN + LANE * len(sounds), theme)
    axes = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
    loudest = max(1e-3, *(float(np.abs(one.frames).max(initial=0.0)) for one in sounds.values()))
    shades = [shade for part in ("bass", "guitar", "other", "drums") for shade in theme.parts[part][:2]]
    for at, (axis, (name, sound)) in enumerate(zip(axes, sounds.items(), strict=True)):
        mine = theme.parts.get(name, (shades[at % len(shades)],))[0]
        for channel in sound.frames:
            low, high = envelope_of(channel)
            times = np.linspace(0, sound.seconds, len(low), endpoint=False)
            axis.fill_between(times, low, high, color=mine, alpha=1.0 / len(sound.frames) ** 0.5, linewidth=0.3)
        axis.axhline(0, color=theme.line, linewidth=0.5)
        if float(np.abs(sound.frames).max(initial=0.0)) >= 1.0:  # full scale is where a file clips
            for edge in (-1, 1):
                axis.axhline(edge, color=theme.new, linewidth=0.7, linestyle=":")
        axis.set_ylim(-1.05 * loudest, 1.05 * loudest)
        axis.set_ylabel(
            readable(name, 16), rotation=0, ha="right", va="center", color=mine, fontsize=9, fontweight="bold"
        )
        _dress(axis, theme)
    axes[-1].set_xlim(0, max(one.seconds for one in sounds.values()))
    axes[-1].set_xlabel("seconds", fontsize=8, color=theme.quiet)
    if title:
        axes[0].set_title(readable(title), loc="left", fontsize=11, color=theme.ink, parse_math=False)
    return figure


def mel_decibels(sound: Recording, bands: int = MEL_BANDS, columns: int = COLUMNS // 2) -> tuple[np.ndarray, float]:
    """Mel spectrogram in decibels below the loudest place, float32 (frame, band) down to -80, and seconds a frame."""
    hop = max(0.01, sound.seconds / columns)
    power = banded(sound.mono(), sound.rate, WINDOW, hop, mel_bands(sound.rate, WINDOW, bands))
    loudest = float(power.max(initial=0.0))
    if loudest <= 0:
        return np.full_like(power, FLOOR_DB), hop
    return np.maximum(10 * np.log10(np.maximum(power / loudest, 1e-12)), FLOOR_DB), hop


def spectrogram_figure(sound: Recording, theme: Theme = LIGHT, title: str = "") -> Figure:
    """Mel spectrogram with its waveform above, on one time."""
    figure = new_figure(WIDTH, 5.2, theme)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (1, 4)})
    mono = sound.mono()
    low, high = envelope_of(mono)
    upper.fill_between(
        np.linspace(0, sound.seconds, len(low), endpoint=False), low, high, color=theme.parts["bass"][0], linewidth=0.3
    )
    decibels, hop = mel_decibels(sound)
    top = float(mel(min(11_000.0, sound.rate / 2)))
    bottom = float(mel(40.0))
    half = (top - bottom) / (decibels.shape[1] + 1) / 2
    image = lower.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="magma" if theme is not LIGHT else "magma_r",
        vmin=FLOOR_DB,
        vmax=0,
        # Frame i is centred at i * hop; the first and the last band have their middles inside the range.
        extent=(-hop / 2, (len(decibels) - 0.5) * hop, bottom + half, top - half),
    )
    marks = [hz for hz in MARKS_HZ if bottom < float(mel(hz)) < top]
    lower.set_yticks(
        [float(mel(hz)) for hz in marks], [f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz" for hz in marks]
    )
    lower.set_xlim(0, sound.seconds)
    lower.set_xlabel("seconds", fontsize=8, color=theme.quiet)
    bar = figure.colorbar(image, ax=lower, pad=0.01, aspect=30)
    bar.set_label("dB", fontsize=8, color=theme.quiet)
    bar.ax.tick_params(labelsize=7, colors=theme.quiet)
    for axis in (upper, lower):
        _dress(axis, theme)
    upper.set_yticks([])
    upper.set_title(readable(title or sound.name), loc="left", fontsize=11, color=theme.ink, parse_math=False)
    return figure


def file_figure(path: Path, theme: Theme = LIGHT) -> Figure:
    """Waveform and spectrogram of an audio file; AudioError as `read_recording`."""
    return spectrogram_figure(read_recording(path), theme)


def _dress(axis: Axes, theme: Theme) -> None:
    axis.set_facecolor(theme.ground)
    axis.tick_params(labelsize=7, colors=theme.quiet, length=2)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(theme.line)
