"""Which country a word names: names, people, adjectives and larger cities, in the languages the model reads."""
