"""Step definitions by subject. The asserts of the protocol live here, each through `observe`."""
