"""Everything that takes more than one request, as generators that say what they want done. Pure."""
