"""What systems are held against: estimates that understand nothing, masks from notes, a small net of another kind."""
