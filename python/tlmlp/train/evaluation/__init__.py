"""What a potential predicts for labelled frames, its errors, and the energy shift that fits them."""
