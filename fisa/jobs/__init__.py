"""Work in processes of their own: trainings, and estimates of what they take.

Nothing is imported here: a process that starts holds its lock before torch is loaded.
"""
