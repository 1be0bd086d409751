"""For those who work from a checkout: corpora to training shards. Not shipped in the wheel."""
