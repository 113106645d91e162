"""The lake: what researchers take away. Facts and events as Parquet files, with other names for all who are in them.

A release is a key: whatever is exported under it belongs together, and later runs extend it. Files are only ever
added; the manifest, written last, says which of them count.
"""

from projections.lake.export import Exported, export
from projections.lake.manifest import File, Lake, LakeError, Manifest, Table, open_lake

__all__ = ["Exported", "File", "Lake", "LakeError", "Manifest", "Table", "export", "open_lake"]
