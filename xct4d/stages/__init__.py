"""The stages of the workflow, one module for each with one public function.

A stage takes typed settings and paths, needs no Snakemake, shows its progress,
writes its output as a whole or not at all, and goes on where it was killed.
What it computes is in the packages below (`training`, `analysis`, `report`,
`fields`); workflow/scripts calls it with what a rule gives.
"""
