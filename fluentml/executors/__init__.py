"""What runs inside our own components: executors and resolver strategies, on TFX's own layout."""
