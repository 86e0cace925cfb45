"""Tests of `darkslide.py`: `python3 -B -m unittest` in the folder above.

With `DARKSLIDE_SOCKET` set to the socket of a daemon that serves the library of the service tests,
`test_daemon` talks to it; `tests/e2e/service/python.rs` starts one and runs all of this.
"""
