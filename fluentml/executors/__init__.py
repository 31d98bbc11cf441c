"""Executors of our own: they leave TFX's artifacts as they are, and do the work in a better way.

They run inside components, under any of TFX's runners, and know nothing of the chain.
"""
