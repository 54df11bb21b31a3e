"""Load tests of the running service: `locust -f loadtests/`, or the short set of `python -m loadtests`.

Locust takes every file below the folder that it is given for a test of its own, except those whose names begin with an
underscore. So `locustfile.py` stands alone, and everything that it needs is in the others.
"""
