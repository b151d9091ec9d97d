"""Statistics of studies: from marks and votes to results per method."""
