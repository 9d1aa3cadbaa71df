"""The geometry doctor: whether a scan's projections contradict its cameras, and which correction would mend that.

A wrong sign, a mirrored image, a shifted axis or a halved focal length lets
everything run and blurs the volume. The doctor measures it from the images
alone. `evidence.py` is what it looks at, `hypothesis.py` what it holds possible
(the keys of `input.geometry`), `consistency.py`, `moments.py` and `judge.py`
are three ways to score a hypothesis, `search.py` finds the best one,
`intensities.py` looks at grey levels first, `ends.py` whether two scans are
exchanged, `alignment.py` whether the sample lies elsewhere in the second, and
`sequence_turn.py` whether the sequence's angles have the scans' zero. `diagnose.py` begins; `by_pairs.py`, `by_mass.py` and
`by_prediction.py` come to a verdict, `diagnosis.py` puts it in words,
`picture.py` draws it. It changes no data.
"""
