"""What is computed from a trained model: predicted projections, scores against truth and held-out projections, strain.

Numbers only. How they are drawn and written on a page is `xct4d.report`.
"""
