"""Officials out of files that units have: read, matched, shown as a table, and only then written."""

from minqing.archives.importing.service import ImportFile, official_import
from minqing.archives.importing.table import FileReport, Finding, ImportReport, Outcome

__all__ = ["FileReport", "Finding", "ImportFile", "ImportReport", "Outcome", "official_import"]
