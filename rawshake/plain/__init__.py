"""Plain words: what each segment says, as one would say it to a newcomer, in a language of choice."""
