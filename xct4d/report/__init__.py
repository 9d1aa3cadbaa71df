"""Figures, films, tables and the page of a result.

plots.py draws arrays and films.py turns them into images between which a slider
chooses; neither knows of models. Which planes and quantities of a model are
shown is in model_figures.py, slice_film.py and motion_film.py, of its volumes in
volume_view.py, of its scores in score_figures.py. What the page says: in
headline.py, facts.py, geometry_drawing.py, tables.py and provenance.py; how it
says it: page/, with its templates. preview.py shows prepared projections,
result_record.py says which files belong to a result.
"""
