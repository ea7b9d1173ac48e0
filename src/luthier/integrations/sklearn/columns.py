"""A step of pipelines that keeps some of the columns, so that a search can choose them."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.utils.validation import check_is_fitted


class SelectColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep some columns and drop the others.

    Its parameter `columns` is one that a search can set, such as to the values of a `Subset`.

    Parameters
    ----------
    columns : sequence of int or of str, optional
        Which; names need a data frame. Default: all.

    Examples
    --------
    ::

        pipeline = make_pipeline(SelectColumns(), LogisticRegression())
        space = {"selectcolumns__columns": Subset(list(X.columns), min_size=1)}
    """

    def __init__(self, columns: Any = None) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any = None) -> SelectColumns:
        """Look up the columns.

        Raises
        ------
        ValueError
            If a column is not there.
        """
        kept = slice(None) if self.columns is None else list(self.columns)
        self._kept = ColumnTransformer(
            [("kept", "passthrough", kept)], verbose_feature_names_out=False
        ).fit(X)
        self.n_features_in_ = self._kept.n_features_in_
        if hasattr(self._kept, "feature_names_in_"):
            self.feature_names_in_ = self._kept.feature_names_in_
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns, in the order in which they are named."""
        check_is_fitted(self)
        return self._kept.transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the columns that are kept."""
        check_is_fitted(self)
        return self._kept.get_feature_names_out(input_features)
