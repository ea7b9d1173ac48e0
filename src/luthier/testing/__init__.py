"""Test suites that any sampler, scheduler, storage or executor must pass."""
