"""Figures, tables and the page of a result.

plots.py draws arrays, page.py writes HTML; neither knows of models. Which
planes and quantities of a model are shown is in model_figures.py, of its scores
in score_figures.py, and what the page says in words and tables in tables.py.
preview.py shows prepared projections, result_record.py says which files belong
to a result.
"""
