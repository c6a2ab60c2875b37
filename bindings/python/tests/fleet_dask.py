"""Runs the job in a work folder on a Dask cluster of this machine: fleet_dask.py WORK."""

import sys

from distributed import Client, LocalCluster

from koodrive import fleet

if __name__ == "__main__":
    with (
        LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        for result in fleet.dask(client, sys.argv[1]):
            print(result)
