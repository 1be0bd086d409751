"""Measures of generated audio: distances, embeddings, adherence to MIDI, recognisers of what was asked."""
