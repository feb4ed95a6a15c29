"""One update of the parameters: losses and their weights, rates, Adam, means, and where they are computed."""
