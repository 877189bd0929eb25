"""Work in processes of their own: trainings, and estimates of what they take.

Nothing heavy is imported here: a process that starts holds its lock before torch is loaded.
"""

from fisa.exceptions import FisaError


class JobError(FisaError, RuntimeError):
    """Work that cannot be started, stopped or removed; the message is one clear sentence."""
