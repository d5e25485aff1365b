"""The component's work."""


def say(sentence: str) -> dict[str, str]:
    """Say it."""
    return {"said": sentence}
