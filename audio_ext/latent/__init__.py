"""Latent audio models: stem insertion on mel-spectrogram latents. Needs the extra `latent`; everything is 16 kHz mono."""
