"""The two images: what they are called, what they are made from, and how they are built."""
