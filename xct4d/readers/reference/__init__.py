"""The reference format: a folder with transforms*.json files and one image file for each projection.

It is nerfstudio's format with the keys that the reference program adds:
`time`, `camera_weights`, stacked `transform_matrix` and `flat_field`.
"""
