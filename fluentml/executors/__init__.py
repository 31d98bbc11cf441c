"""What runs inside our own components: executors and resolver strategies, on TFX's own layout.

They run under any of TFX's runners, and know nothing of the chain.
"""
