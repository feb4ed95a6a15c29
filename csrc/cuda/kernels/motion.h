#pragma once

// Langevin dynamics by the splitting B A O A B (Leimkuhler and Matthews 2013): half a kick, half a drift, the
// thermostat, half a drift, forces, half a kick. The thermostat is solved exactly: v <- c v + sqrt((1 - c^2) kT/m) xi
// with c = exp(-friction dt). With friction 0 it is velocity Verlet. Random numbers are a function of the system's
// seed, the step and the atom's number in its system (Philox 4x32-10, Salmon et al. 2011): a replica's path does not
// depend on its neighbours in the launch, and a step can be repeated.

#include "cuda/kernels/lists.h"

namespace tlmlp::cuda {

inline constexpr double acceleration_unit = 9.648533212331001e-3; // eV/Angstrom/amu in Angstrom/fs^2, CODATA 2018
inline constexpr double boltzmann = 8.617333262145179e-5;         // eV/K, CODATA 2018

struct Random4 {
    std::uint32_t v[4];
};

TLMLP_HD inline Random4 philox(std::uint64_t key, std::uint64_t high, std::uint64_t low) {
    Random4 x{{std::uint32_t(low), std::uint32_t(low >> 32), std::uint32_t(high), std::uint32_t(high >> 32)}};
    std::uint32_t k0 = std::uint32_t(key), k1 = std::uint32_t(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t(0xD2511F53u) * x.v[0], b = std::uint64_t(0xCD9E8D57u) * x.v[2];
        x = {{std::uint32_t(b >> 32) ^ x.v[1] ^ k0, std::uint32_t(b), std::uint32_t(a >> 32) ^ x.v[3] ^ k1,
              std::uint32_t(a)}};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return x;
}

/// Three normal numbers by Box and Muller's transform.
TLMLP_HD inline void normals(std::uint64_t seed, std::int64_t step, std::int64_t atom, double *out) {
    const Random4 r = philox(seed, std::uint64_t(atom), std::uint64_t(step));
    constexpr double unit = 1.0 / 4294967296.0;
    for (int pair = 0; pair < 2; ++pair) {
        const double radius = sqrt(-2.0 * log((r.v[2 * pair] + 0.5) * unit));
        const double angle = 2.0 * math::pi * (r.v[2 * pair + 1] + 0.5) * unit;
        out[2 * pair] = radius * cos(angle);
        if (pair == 0) {
            out[1] = radius * sin(angle);
        }
    }
}

template <class Block> TLMLP_HD inline void push_atoms(const Block &block, const Motion &m) {
    const double half = 0.5 * m.time_step, keep = exp(-m.friction * m.time_step);
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        const std::int64_t system = m.system[atom];
        double *r = m.positions + 3 * atom, *v = m.velocities + 3 * atom;
        const double *f = m.forces + 3 * atom;
        double noise[3] = {0.0, 0.0, 0.0}, width = 0.0;
        if (m.friction > 0.0) {
            normals(m.seed[system], *m.step, atom - m.first_atom[system], noise);
            width = sqrt((1.0 - keep * keep) * boltzmann * m.temperature[system] * acceleration_unit / m.mass[atom]);
        }
        for (int k = 0; k < 3; ++k) {
            const double kicked = v[k] + half * acceleration_unit * f[k] / m.mass[atom];
            const double after = m.friction > 0.0 ? keep * kicked + width * noise[k] : kicked;
            r[k] += half * (kicked + after);
            v[k] = after;
        }
    });
}

template <class Block> TLMLP_HD inline void kick_atoms(const Block &block, const Motion &m) {
    const double half = 0.5 * m.time_step;
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        for (int k = 0; k < 3; ++k) {
            m.velocities[3 * atom + k] += half * acceleration_unit * m.forces[3 * atom + k] / m.mass[atom];
        }
        if (atom == 0) {
            ++*m.step;
        }
    });
}

/// Each directed edge carries half of a pair's energy, given to its target; the force on an atom is the sum over its edges.
template <class Block> TLMLP_HD inline void repel_atoms(const Block &block, const Motion &m) {
    each_atom(block, m.atoms, [&](std::int64_t atom) {
        double energy = 0.0, force[3] = {0.0, 0.0, 0.0};
        for (std::int64_t e = m.offsets[atom]; e < m.offsets[atom + 1]; ++e) {
            const math::ZblPair &pair = m.pairs[m.species[atom] * m.n_species + m.species[m.source[e]]];
            const double v[3] = {10.0 * m.vector[3 * e], 10.0 * m.vector[3 * e + 1], 10.0 * m.vector[3 * e + 2]};
            const double distance = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
            if (distance < pair.outer) {
                const math::Jet<double> jet = pair.energy(distance);
                energy += 0.5 * jet.value;
                for (int k = 0; k < 3; ++k) {
                    force[k] += jet.first * v[k] / distance;
                }
            }
        }
        m.repulsion[atom] = energy;
        for (int k = 0; k < 3; ++k) {
            m.forces[3 * atom + k] += force[k];
        }
    });
}

template <class Block> TLMLP_HD inline void add_repulsion(const Block &block, const Motion &m) {
    each_atom(block, m.systems, [&](std::int64_t system) {
        double sum = 0.0;
        for (std::int64_t atom = m.first_atom[system]; atom < m.first_atom[system + 1]; ++atom) {
            sum += m.repulsion[atom];
        }
        m.energy[system] += sum;
    });
}

template <MotionKernel K, class Block> TLMLP_HD inline void run_motion(const Block &block, const Motion &m) {
    if constexpr (K == MotionKernel::count) {
        count_neighbours(block, m);
    } else if constexpr (K == MotionKernel::scan) {
        scan_counts(block, m);
    } else if constexpr (K == MotionKernel::fill) {
        fill_neighbours(block, m);
    } else if constexpr (K == MotionKernel::reverse) {
        match_reverses(block, m);
    } else if constexpr (K == MotionKernel::push) {
        push_atoms(block, m);
    } else if constexpr (K == MotionKernel::repel) {
        repel_atoms(block, m);
    } else if constexpr (K == MotionKernel::repelled) {
        add_repulsion(block, m);
    } else {
        kick_atoms(block, m);
    }
}

inline std::int64_t motion_blocks(MotionKernel kernel, const Motion &m) {
    return kernel == MotionKernel::scan ? 1 : (m.atoms + motion_threads - 1) / motion_threads;
}

inline constexpr int motion_threads_of(MotionKernel kernel) {
    return kernel == MotionKernel::scan ? 256 : motion_threads;
}

} // namespace tlmlp::cuda
