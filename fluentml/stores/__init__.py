"""Where metadata and artifacts are kept: opening, sharing, healing and clearing them.

These modules talk to ML Metadata itself and never import TFX, which takes seconds.
"""
