"""Backups: what cannot be made anew, as files in a directory, sealed; and a school brought back from them.

Copied is the truth: log, vault, remembered answers, sealed answer boxes, keys of integrations. Facts, the tag index and
the schema are made anew. The erasure ledger and the keys of answer boxes are never in a backup; the root secret is only
where it lies in the data directory and would be lost with it.
"""

from coopschool.backups.manifest import Backup, BackupError, Manifest
from coopschool.backups.restoring import Restored, restore
from coopschool.backups.saving import save

__all__ = ["Backup", "BackupError", "Manifest", "Restored", "restore", "save"]
