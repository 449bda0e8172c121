"""The numbers that clients send, over a socket and over HTTP."""


def parse_after(text: str) -> int:
    """The number of the last message a client has; 0 for none. Raises ValueError with a sentence."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise ValueError("after must be the number of the last message you have, 0 for none.")
