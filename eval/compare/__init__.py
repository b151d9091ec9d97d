"""Methods side by side on the same item: sets of videos, what is measured on them, what is made of them."""
