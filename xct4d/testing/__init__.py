"""Test suites that an addition's own tests inherit, here or in another package. They need pytest."""
