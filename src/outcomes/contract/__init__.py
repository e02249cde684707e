"""The tables and columns that a submission may hold: the one place where a column is declared."""

from outcomes.contract.tables import TABLES, Column, ColumnType, Table
from outcomes.contract.versions import CONTRACT_VERSION, VERSIONS_READ

__all__ = ["CONTRACT_VERSION", "TABLES", "VERSIONS_READ", "Column", "ColumnType", "Table"]
