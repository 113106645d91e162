"""The command line."""


def main() -> None:
    """Replaced soon."""
