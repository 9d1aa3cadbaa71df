"""What a training step is made of: rays through projections, their samples, random points, and the random numbers behind them."""
