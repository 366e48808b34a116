"""What Tocsin's services share: messages, topics, codec and settings. No service logic lives here."""
