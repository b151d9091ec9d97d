"""Videos that play together."""
