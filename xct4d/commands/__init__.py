"""The commands `xct4d new` and `xct4d check`, and the library calls behind them.

`new` recognises the folders of scanners and writes a configuration; `check`
reads what a configuration names and says whether it can be trusted. Neither
needs Snakemake, and neither changes data.
"""
