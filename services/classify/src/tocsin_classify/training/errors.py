"""The one exception of the training pipeline whose text is meant for the person at the terminal."""


class TrainingError(Exception):
    """Something the user can put right; the message says what and how."""
