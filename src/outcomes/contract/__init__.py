"""The tables and columns that a submission may hold: the one place where a column is declared."""

from outcomes.contract.tables import CONTRACT_VERSION, TABLES, Column, ColumnType, Table

__all__ = ["CONTRACT_VERSION", "TABLES", "Column", "ColumnType", "Table"]
