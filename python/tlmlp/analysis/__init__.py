"""What a model predicts beyond energies and forces: phonons, elasticity, equations of state, structure, stability."""
