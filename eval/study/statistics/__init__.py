"""From marks and votes to statements about methods."""
