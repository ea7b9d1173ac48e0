"""Files that describe a study: read into the arguments of `create_study` and `optimize`."""

from luthier.formats.read import read_study_file
from luthier.formats.study_file import StudyFile

__all__ = ["StudyFile", "read_study_file"]
