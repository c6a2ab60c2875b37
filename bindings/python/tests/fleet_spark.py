"""Runs the job in a work folder on a local Spark: fleet_spark.py WORK."""

import os
import sys

from koodrive import fleet

if __name__ == "__main__":
    # Only here: pytest looks for doctests in every module.
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Three cores; a task may fail four times; slow ones are run a second time beside the first.
    builder = SparkSession.builder.master("local[3, 4]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.speculation", "true").config(
        "spark.speculation.quantile", "0.1"
    )
    builder = builder.config("spark.speculation.multiplier", "1.1")
    builder = builder.config("spark.speculation.interval", "50ms")
    session = builder.config("spark.speculation.minTaskRuntime", "50ms").getOrCreate()
    for result in fleet.spark(session, sys.argv[1]):
        print(result)
    session.stop()
