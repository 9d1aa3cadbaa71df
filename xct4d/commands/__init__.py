"""The commands of `xct4d`, and the library calls behind them.

Before a run: `new` recognises the folders of scanners and writes a
configuration; `check` reads what a configuration names and says whether it can
be trusted. After it: `track` follows points, gauges and regions of the material
through time; `film` draws a film or slices; `join` makes one result of the
segments of an experiment. None needs Snakemake, and none changes data.
"""
