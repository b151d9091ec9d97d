"""Audio-driven lip synchronisation: methods, pipeline, training."""
