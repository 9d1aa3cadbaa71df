"""Where the cameras of the sequence really stood, measured by its own projections and both scans."""
