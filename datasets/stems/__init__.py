"""Multi-stem audio for the latent models: songs rendered here, public corpora, and full mixes cut by a separator."""
