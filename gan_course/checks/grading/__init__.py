"""``gan-course grade FOLDER``: run the checkers on a class's notebooks, each in its own process.

``submissions`` finds the notebooks, ``steps`` puts our checks between the student's cells,
``runner`` hands them through a ``keeper`` to ``worker`` processes that ``guard`` holds, and
``report`` writes tables.
Only the worker imports torch. No pickle is read anywhere: what crosses between processes is JSON.
"""
