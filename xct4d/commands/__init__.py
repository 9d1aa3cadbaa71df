"""The commands of `xct4d`, and the library calls behind them.

`new` recognises the folders of scanners and writes a configuration; `check`
reads what a configuration names and says whether it can be trusted; `track`,
`film` and `join` read finished results. None needs Snakemake, and none changes
data or results.
"""
