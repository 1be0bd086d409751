"""Sound: songs rendered to audio, stems and mixes. Needs the extra `audio`; imports `arranger`, never the reverse."""
