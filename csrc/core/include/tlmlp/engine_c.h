#ifndef TLMLP_ENGINE_C_H
#define TLMLP_ENGINE_C_H

/* The engine for C and everything that can call C; the same as tlmlp/engine.h, where each quantity is documented.
 * Units: eV and Angstrom. Functions return 0, or -1 after an error, which tlmlp_last_error() then describes. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tlmlp_engine tlmlp_engine;

/* Reason of the last error in the calling thread, one line. */
const char *tlmlp_last_error(void);

/* Opens a file written by `tlmlp export`. precision: 32 or 64. threads: at least 1. NULL after an error. */
tlmlp_engine *tlmlp_open(const char *path, int precision, int threads);
void tlmlp_close(tlmlp_engine *engine);

/* Radius within which atoms are neighbours. */
double tlmlp_cutoff(const tlmlp_engine *engine);

/* Species number of an atomic number; -1 after an error. */
int32_t tlmlp_species_of(const tlmlp_engine *engine, int atomic_number);

/* From an edge list: source j, target i, vector r_j - r_i, (n_edges) and (n_edges, 3); both directions of every pair.
 * Outputs, each may be NULL: energy (1), atomic_energies (n_atoms), forces (n_atoms, 3), virial (3, 3) = -dE/dstrain. */
int tlmlp_compute_edges(tlmlp_engine *engine, int64_t n_atoms, const int32_t *species, int64_t n_edges,
                        const int64_t *source, const int64_t *target, const double *vector, double *energy,
                        double *atomic_energies, double *forces, double *virial);

/* From positions (n_atoms, 3), cell (3, 3) with rows as lattice vectors, and pbc (3), not 0 where periodic. */
int tlmlp_compute(tlmlp_engine *engine, int64_t n_atoms, const int32_t *species, const double *positions,
                  const double *cell, const int *pbc, double *energy, double *atomic_energies, double *forces,
                  double *virial);

#ifdef __cplusplus
}
#endif

#endif
