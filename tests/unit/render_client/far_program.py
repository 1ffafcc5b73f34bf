"""`triscope worker` with the fake session of these tests: `python far_program.py`, run with the repository's root as folder."""

import sys

if __name__ == "__main__":
    sys.path.insert(0, ".")
    from viewer.render_client.far_worker import main

    print("a library that prints while it loads")
    sys.exit(main(lambda name: name, "tests.unit.render_client.fake_session:FakeSession"))
