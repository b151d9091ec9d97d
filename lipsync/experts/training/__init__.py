"""How the experts are trained."""
