"""Parts by rule of thumb: what any fill has to beat, and the floor under every score card."""

from arranger.rules.old import bass_rule, beat_pattern, beat_steps, drum_rule, guitar_rule, rule_part

__all__ = ["bass_rule", "beat_pattern", "beat_steps", "drum_rule", "guitar_rule", "rule_part"]
