"""Run a coroutine in a loop of its own, whatever has run in this process before."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor


def run_alone(coroutine: Coroutine):
    """``asyncio.run`` in a thread: Playwright, once started, has a loop running in the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
