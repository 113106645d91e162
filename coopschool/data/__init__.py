"""What comes with the product: the module catalogue, the two instruments, the glossary of the field's terms."""

from importlib.resources import files


def read(name: str) -> bytes:
    """The content of one file of this folder, such as ``instrument-autonomy.json``."""
    return files(__name__).joinpath(name).read_bytes()
