"""Spark over the lake: in this process, or on the cluster that the setting `spark_master` names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from projections.engines.translating import views
from projections.lake import Lake, LakeError
from projections.reports import Row

TYPES = {"string": "string", "int64": "bigint", "int32": "int", "int16": "smallint", "bool": "boolean",
         "date32[day]": "date", "timestamp[us, tz=UTC]": "timestamp", "list<element: string>": "array<string>",
         "list<item: string>": "array<string>"}  # fmt: skip
CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
ON_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


class Spark:
    """A session whose views are the lake's tables. Raises `LakeError` where there is no Java."""

    dialect = "spark"

    def __init__(self, lake: Lake, master: str) -> None:
        if shutil.which("java") is None:
            raise LakeError("Spark needs Java 17 or later, and there is none on this machine.")
        builder = SparkSession.builder.master(master).appName("coopschool")
        for name, value in {**CONFIG, **(ON_THIS_MACHINE if master.startswith("local") else {})}.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()
        self._session.sparkContext.setLogLevel("ERROR")
        for name, table in lake.manifest.tables.items():
            paths = lake.paths(name)
            if paths:
                frame = self._session.read.parquet(*paths)
            else:
                columns = ", ".join(f"`{column}` {TYPES[type]}" for column, type in table.columns.items())
                frame = self._session.createDataFrame([], columns)
            frame.createOrReplaceTempView(name)
        for name, statement in views(self.dialect).items():
            self._session.sql(f"create or replace temporary view {name} as {statement}")

    def __enter__(self) -> Spark:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.stop()

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement."""
        return [row.asDict() for row in self._session.sql(statement, args=dict(values)).collect()]
