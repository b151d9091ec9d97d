"""One pass over a video and its reference: protocol, pairs of frames, metrics, networks, scores."""
