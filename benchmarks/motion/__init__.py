"""Motion found on scenes whose truth is known, beside classical methods; see __main__.py."""
