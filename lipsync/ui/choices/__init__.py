"""What a form asks for, one part of it each."""
