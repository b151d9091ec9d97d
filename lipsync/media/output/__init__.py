"""What a video can be written as."""
