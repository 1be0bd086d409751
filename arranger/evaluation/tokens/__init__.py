"""A baseline: a decoder-only transformer that writes missing bars as MidiTok tokens, after MMM and MIDI-GPT."""
