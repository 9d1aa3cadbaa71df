"""What the Snakefile asks before anything runs, and what surrounds each job.

`plan` turns a configuration into datasets; `stages` is the table of stages, from
which `sweep` (which results variants share), `dataset` (which outputs a dataset
has, and where), `demand` (memory and minutes) and the rules derive what they need
to know; `digest` says which code an output depends on. These are read on every
run of Snakemake, so they import neither torch nor numba. `job` is what each
script runs its stage in. No stage and nothing below imports this package.
"""
