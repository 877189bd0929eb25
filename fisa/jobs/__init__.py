"""Work in processes of their own: trainings, and estimates of what they take.

Nothing is imported here: a process that starts holds its lock before torch is loaded.
"""


class JobError(RuntimeError):
    """Work that cannot be started, stopped or removed; the message is one clear sentence."""
