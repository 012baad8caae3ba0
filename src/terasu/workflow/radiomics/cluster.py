"""The same cohort run on a Dask cluster: joblib hands its tasks to the cluster's workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from terasu.errors import InputError, MissingPartError

_PATIENCE_S = 20


@contextmanager
def on_cluster(address: str) -> Iterator[None]:
    """Let everything that joblib runs inside run on the workers of a Dask scheduler.

    Args:
        address: of the scheduler, ``tcp://host:8786``. Its workers need Terasu and the same files.
    Raises:
        MissingPartError: ``distributed`` is not installed.
        InputError: no scheduler answers.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingPartError(
            "Clusters need the package distributed.",
            got="it is not installed",
            expected="pip install 'terasu[cluster]'",
            todo="Install it, or leave out --cluster.",
        ) from error
    try:
        client = distributed.Client(address, timeout=_PATIENCE_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            "No Dask scheduler answers there.",
            got=f"{address}: {str(error).splitlines()[0][:120]}",
            expected="the address that `dask scheduler` prints, such as tcp://host:8786",
            todo="Start the scheduler and its workers, or correct --cluster.",
        ) from error
    with client, joblib.parallel_config(backend="dask", wait_for_workers_timeout=_PATIENCE_S):
        yield
