"""What a portal on a public address needs: headers, limits for visitors, a log without personal data."""
