#include "tlmlp/engine_c.h"

#include <algorithm>

#include "tlmlp/engine.h"

struct tlmlp_engine {
    tlmlp::Engine engine;
};

namespace {

thread_local std::string last_error;

/// Nothing may leave a C function by an exception.
template <class Value, class Call> Value guarded(Value on_error, Call &&call) {
    try {
        return call();
    } catch (const std::exception &error) {
        last_error = error.what();
    } catch (...) {
        last_error = "unknown error";
    }
    return on_error;
}

void copy_result(const tlmlp::Result &result, double *energy, double *atomic_energies, double *forces, double *virial) {
    if (energy) {
        *energy = result.energy;
    }
    if (atomic_energies) {
        std::copy(result.atomic_energies.begin(), result.atomic_energies.end(), atomic_energies);
    }
    if (forces) {
        std::copy(result.forces.begin(), result.forces.end(), forces);
    }
    if (virial) {
        std::copy(result.virial.begin(), result.virial.end(), virial);
    }
}

} // namespace

const char *tlmlp_last_error(void) { return last_error.c_str(); }

tlmlp_engine *tlmlp_open(const char *path, int precision, int threads) {
    return guarded<tlmlp_engine *>(nullptr, [&] {
        if (precision != 32 && precision != 64) {
            throw tlmlp::Error("precision must be 32 or 64, got " + std::to_string(precision));
        }
        const auto type = precision == 64 ? tlmlp::Precision::float64 : tlmlp::Precision::float32;
        return new tlmlp_engine{tlmlp::Engine(path, {type, threads, {}})};
    });
}

void tlmlp_close(tlmlp_engine *engine) { delete engine; }

double tlmlp_cutoff(const tlmlp_engine *engine) { return engine->engine.model().cutoff; }

int32_t tlmlp_species_of(const tlmlp_engine *engine, int atomic_number) {
    return guarded<int32_t>(-1, [&] { return engine->engine.species_of(atomic_number); });
}

int tlmlp_compute_edges(tlmlp_engine *engine, int64_t n_atoms, const int32_t *species, int64_t n_edges,
                        const int64_t *source, const int64_t *target, const double *vector, double *energy,
                        double *atomic_energies, double *forces, double *virial) {
    return guarded(-1, [&] {
        const auto result = engine->engine.energy_forces_virial(
            tlmlp::EdgeList{n_atoms, species, n_edges, source, target, vector}, {forces || virial, false});
        copy_result(result, energy, atomic_energies, forces, virial);
        return 0;
    });
}

int tlmlp_compute(tlmlp_engine *engine, int64_t n_atoms, const int32_t *species, const double *positions,
                  const double *cell, const int *pbc, double *energy, double *atomic_energies, double *forces,
                  double *virial) {
    return guarded(-1, [&] {
        tlmlp::Structure structure{n_atoms, species, positions, {}, {pbc[0] != 0, pbc[1] != 0, pbc[2] != 0}};
        std::copy_n(cell, 9, structure.cell.begin());
        const auto result = engine->engine.energy_forces_virial(structure, {forces || virial, false});
        copy_result(result, energy, atomic_energies, forces, virial);
        return 0;
    });
}
