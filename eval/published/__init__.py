"""The papers' own tables as data: published, not measured here."""
