"""Stage 2 of visual dubbing: the networks that draw the face, the critic and the losses."""
