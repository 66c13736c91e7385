"""Retouching of portraits: one module per plug-in, each a function from a scene to a layer."""
