"""Units and their conversions: Å, eV, amu, K outside; nm and kJ/mol inside the network.

Constants are CODATA 2018 (exact SI values of e, N_A and k_B since the 2019 redefinition).
"""

ELEMENTARY_CHARGE_C = 1.602176634e-19
AVOGADRO_PER_MOL = 6.02214076e23
BOLTZMANN_J_PER_K = 1.380649e-23
ATOMIC_MASS_KG = 1.66053906660e-27

#: 1 eV per particle in kJ/mol (96.48533212331...).
EV_IN_KJ_PER_MOL = ELEMENTARY_CHARGE_C * AVOGADRO_PER_MOL * 1e-3
#: 1 Å in nm.
NM_PER_ANGSTROM = 0.1
#: 1 eV/Å^3 in GPa (160.2176634).
EV_PER_ANG3_IN_GPA = ELEMENTARY_CHARGE_C * 1e21
#: Boltzmann constant in eV/K.
KB_EV = BOLTZMANN_J_PER_K / ELEMENTARY_CHARGE_C
#: 1 kbar in GPa.
GPA_PER_KBAR = 0.1
#: 1 amu (Å/fs)^2 in eV (103.6426966...).
AMU_ANG2_PER_FS2_IN_EV = ATOMIC_MASS_KG * 1e10 / ELEMENTARY_CHARGE_C
