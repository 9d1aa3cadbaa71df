"""Pictures made on demand of a finished result: curves of what was tracked, films."""
