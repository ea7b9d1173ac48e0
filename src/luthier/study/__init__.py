"""The shell: studies, the run loop, and everything that meets the world."""

from luthier.study.create import create_study, delete_study, load_study, study_names
from luthier.study.study import Study
from luthier.study.trial import Trial

__all__ = ["Study", "Trial", "create_study", "delete_study", "load_study", "study_names"]
