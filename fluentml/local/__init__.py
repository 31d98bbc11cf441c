"""What the local backend is made of."""
