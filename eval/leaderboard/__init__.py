"""The leaderboard: methods by people's votes, their opinion scores and the suites' measurements."""
