"""The earlier name of ``python -m lipsync.data.transcripts``."""

from lipsync.data.transcripts import main

if __name__ == "__main__":
    main()
