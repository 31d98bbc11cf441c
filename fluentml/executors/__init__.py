"""Executors of our own for TFX's components; they run inside components, on Beam."""
