"""Changes of the tables, one file each, forward only; run at start under a lock.

Each file says ``pre-deploy`` (old programs work on with it: it adds) or ``post-deploy`` (it takes away
what no running program uses any more).
"""
