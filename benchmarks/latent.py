"""Seconds and memory of each stage of the latent audio models: `python benchmarks/latent.py [--seconds 10.24]`.

On CPU and, where there is one, on a GPU. Weights are the shipped ones where there are any, else random: the time is the
same. A ratio above 1 is faster than the music lasts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint
from audio_ext.latent.codec import PRESETS as CODECS
from audio_ext.latent.codec import CodecConfig, MelCodec
from audio_ext.latent.condition import Condition
from audio_ext.latent.mel import MSG_LD, log_mel
from audio_ext.latent.unet import Denoiser, UNetConfig
from audio_ext.latent.vocoder import PRESETS as VOCODERS
from audio_ext.latent.vocoder import GriffinLim, HifiGan

SHIPPED = Path(__file__).parents[1] / "audio_ext/latent/weights"
WORDS = 16


def timed(work: Callable[[], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Median seconds of a call after one to warm up: of the clock, and of the processor (all threads together).

    On a machine that others use the second tells what the first would be on an idle one, with one thread.
    """

    def once() -> tuple[float, float]:
        started, busy = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started, time.process_time() - busy

    once()
    clock, processor = zip(*(once() for _ in range(repeats)), strict=True)
    return statistics.median(clock), statistics.median(processor)


def peak_megabytes(device: torch.device) -> float:
    """Most memory so far: of the process (Linux counts kilobytes), or of tensors on the GPU since the last reset."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def shipped_codec() -> MelCodec:
    """The codec of the package, or one of random weights."""
    path = SHIPPED / "codec.safetensors"
    if not path.is_file():
        return MelCodec(CODECS["reduced"])
    found = load_checkpoint(path, "codec")
    codec = MelCodec(config_of(found, CodecConfig))
    fill_module(codec, found)
    return codec


@torch.no_grad()
def stages(seconds: float, device: torch.device) -> dict[str, Callable[[], object]]:
    """Name -> a call that does the stage once for `seconds` of sound."""
    codec = shipped_codec().eval().to(device)
    mel, factor = codec.config.mel, codec.config.factor
    frames = max(1, round(seconds * mel.frames_a_second / factor)) * factor
    wave = 0.1 * torch.randn(1, frames * mel.hop, device=device)
    picture = log_mel(wave, mel)
    latent = codec.encode(picture)
    gan = HifiGan(VOCODERS["reduced"]).eval().to(device)
    config = UNetConfig(latents=codec.config.latents, conditional=True)
    net = Denoiser(config).eval().to(device)
    words = torch.randn(1, WORDS, config.text, device=device), torch.ones(1, WORDS, dtype=torch.bool, device=device)
    condition = Condition(*words, latent)
    time_step = torch.full((1,), 500, device=device)
    return {
        "log-mel": lambda: log_mel(wave, mel),
        "codec, encode": lambda: codec.encode(picture),
        "codec, decode": lambda: codec.decode(latent),
        "griffin-lim, 32 iterations": lambda: GriffinLim(mel).wave(picture),
        "hifi-gan, 128 channels": lambda: gan.wave(picture),
        "u-net, one step": lambda: net(latent, time_step, condition),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1024 / MSG_LD.frames_a_second)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0 for torch's choice")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    devices = [torch.device("cpu")] + ([torch.device("cuda")] if torch.cuda.is_available() else [])
    for device in devices:
        gpu = device.type == "cuda"
        name = torch.cuda.get_device_name(device) if gpu else f"CPU, {torch.get_num_threads()} threads"
        print(f"{name}, {asked.seconds:g} s of sound")
        print(f"{'':30}{'seconds':>9}{'x real time':>13}{'CPU s':>9}{'peak MB':>9}")
        with torch.inference_mode():
            for stage, work in stages(asked.seconds, device).items():
                if gpu:
                    torch.cuda.reset_peak_memory_stats(device)
                took, busy = timed(work, device, asked.repeats)
                figures = f"{took:9.3f}{asked.seconds / took:13.1f}{busy:9.3f}{peak_megabytes(device):9.0f}"
                print(f"{stage:30}{figures}", flush=True)


if __name__ == "__main__":
    main()
