"""Pictures of songs: piano rolls by part, and what all pictures share. Needs matplotlib, loaded on first use."""
