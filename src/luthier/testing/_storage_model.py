"""What a storage is compared with in `luthier.testing.storage`: lists of records."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from luthier.errors import Conflict, StudyExists, StudyNotFound
from luthier.storage.base import Record, Storage

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
"""What JSON can be made of: it escapes NUL and half surrogate pairs."""

NAMES = TEXTS.filter(bool)
FEW = st.sampled_from(["17", "a", "A", "ä", "a ", "\N{GUITAR}"])
"""Words that careless comparisons take for each other, few enough to meet again."""

RECORDS = st.builds(Record, TEXTS, st.none() | FEW)


class AgainstLists(RuleBasedStateMachine):
    """Does the same to the storage and to plain lists."""

    tested: ClassVar[Storage]

    def __init__(self) -> None:
        super().__init__()
        self.storage = self.tested
        self.model: dict[str, list[Record]] = {}

    @initialize()
    def empty(self) -> None:
        for study in self.storage.studies():
            self.storage.delete(study)

    @rule(study=FEW, records=st.lists(RECORDS, min_size=1, max_size=4), create=st.booleans())
    def append(self, study: str, records: list[Record], create: bool) -> None:
        log = self.model.get(study)
        claims = [claim for _, claim in records if claim is not None]
        taken = {record.claim for record in log or ()} & set(claims)
        if len(set(claims)) < len(claims):
            # Which of several errors is raised is not promised.
            with pytest.raises((Conflict, StudyExists, StudyNotFound)):
                self.storage.append(study, records, create=create)
        elif create and log is not None:
            with pytest.raises(StudyExists):
                self.storage.append(study, records, create=True)
        elif not create and log is None:
            with pytest.raises(StudyNotFound):
                self.storage.append(study, records)
        elif taken:
            with pytest.raises(Conflict) as caught:
                self.storage.append(study, records)
            assert caught.value.claim in taken
        else:
            log = self.model.setdefault(study, [])
            log.extend(records)
            assert self.storage.append(study, records, create=create) == len(log)

    @rule(study=FEW, after=st.integers(0, 10), limit=st.none() | st.integers(0, 5))
    def read(self, study: str, after: int, limit: int | None) -> None:
        if study not in self.model:
            with pytest.raises(StudyNotFound):
                self.storage.read(study, after, limit)
        else:
            bodies = [body for body, _ in self.model[study]][after:]
            assert self.storage.read(study, after, limit) == bodies[:limit]

    @rule(study=FEW)
    def delete(self, study: str) -> None:
        if self.model.pop(study, None) is None:
            with pytest.raises(StudyNotFound):
                self.storage.delete(study)
        else:
            self.storage.delete(study)

    @rule()
    def studies(self) -> None:
        assert self.storage.studies() == list(self.model)
