"""Latent audio models: stem insertion on mel latents. Needs the extra `latent`; everything is 16 kHz mono."""
