"""The Rate and Results pages."""
