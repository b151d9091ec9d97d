"""Pictures and videos of a set for print and slides: montages and contact sheets."""
