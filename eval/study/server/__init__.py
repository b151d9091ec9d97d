"""The study server: rater sessions, admin login, rate limits and backup."""
