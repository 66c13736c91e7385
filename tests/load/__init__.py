"""Many clients at once on an engine that breaks things on purpose: ``make load``."""
