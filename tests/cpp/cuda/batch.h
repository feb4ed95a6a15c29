#pragma once

// Systems side by side on a device, as the host would lay them out.

#include <memory>

#include "cuda/evaluator.h"
#include "reference.h"

/// Results of one system of a batch, eV and Angstrom.
struct SystemResult {
    double energy = 0.0;
    std::vector<double> virial, atomic_energies, forces;
};

template <class T>
std::vector<SystemResult> evaluate_batch(tlmlp::cuda::Device &device, const tlmlp::engine::ModelFile &file,
                                         const std::vector<System> &systems) {
    using tlmlp::cuda::Memory;
    std::vector<std::int64_t> first{0};
    std::vector<std::int32_t> species, offsets{0}, source, target, reverse;
    std::vector<double> vector;
    for (const System &system : systems) {
        const auto atom0 = static_cast<std::int32_t>(first.back());
        const auto edge0 = static_cast<std::int32_t>(source.size());
        for (int i = 0; i < system.n_atoms; ++i) {
            species.push_back(system.species[i]);
        }
        // make_system lists the edges by target.
        std::size_t e = 0;
        for (int i = 0; i < system.n_atoms; ++i) {
            for (; e < system.target.size() && system.target[e] == i; ++e) {
                source.push_back(atom0 + static_cast<std::int32_t>(system.source[e]));
                target.push_back(atom0 + i);
                std::int32_t back = -1;
                for (std::size_t r = 0; r < system.target.size(); ++r) {
                    double gap = 0.0;
                    for (int k = 0; k < 3; ++k) {
                        gap += std::abs(system.vector[3 * r + k] + system.vector[3 * e + k]);
                    }
                    if (system.source[r] == system.target[e] && system.target[r] == system.source[e] && gap < 1e-9) {
                        back = edge0 + static_cast<std::int32_t>(r);
                    }
                }
                reverse.push_back(back);
                for (int k = 0; k < 3; ++k) {
                    vector.push_back(0.1 * system.vector[3 * e + k]);
                }
            }
            offsets.push_back(static_cast<std::int32_t>(source.size()));
        }
        first.push_back(atom0 + system.n_atoms);
    }
    tlmlp::cuda::Evaluator<T> evaluator(device, file);
    evaluator.resize(first, static_cast<std::int64_t>(source.size()));
    tlmlp::cuda::Job<T> &job = evaluator.job();
    std::deque<Memory> memory;
    const auto put = [&](const auto &values) {
        return memory.emplace_back(device).assign(values.data(), values.size());
    };
    const std::vector<std::int32_t> count{static_cast<std::int32_t>(source.size())};
    job.n_edges = put(count);
    job.species = put(species);
    job.offsets = put(offsets);
    job.source = put(source);
    job.target = put(target);
    job.reverse = put(reverse);
    job.vector = put(vector);
    evaluator.run(true);
    const auto get = [&](const double *from, std::size_t n) {
        std::vector<double> values(n);
        if (n > 0) {
            device.download(values.data(), from, n * sizeof(double));
        }
        return values;
    };
    std::vector<SystemResult> results;
    for (std::size_t s = 0; s + 1 < first.size(); ++s) {
        const auto n = static_cast<std::size_t>(first[s + 1] - first[s]);
        results.push_back({get(job.energy + s, 1)[0], get(job.virial + 9 * s, 9), get(job.head_value + first[s], n),
                           get(job.forces + 3 * first[s], 3 * n)});
    }
    return results;
}

inline tlmlp::engine::ModelFile model_file(const ModelSizes &sizes, unsigned seed) {
    return tlmlp::engine::ModelFile::from_bytes(model_bytes(sizes, random_weights(sizes, seed)), "the test's model");
}

/// Systems without anything in common: dense, with images of the same pair, open, with atoms alone, without atoms.
inline std::vector<System> varied_systems(const ModelSizes &m) {
    const std::vector<double> skewed = {5.2, 0, 0, 0.4, 5.2, 0, -0.3, 0.5, 5.2};
    const auto crystal = [&](double spread, int n_species) {
        std::vector<double> positions;
        for (int k = 0; k < 24; ++k) {
            const int axis = k % 3, corner = k / 3;
            positions.push_back(((corner >> axis) & 1) * 2.6 + spread * std::sin(1.0 + 7.0 * k));
        }
        return make_system(positions, skewed, true, m.cutoff, n_species);
    };
    return {crystal(0.15, m.n_species),
            make_system({0, 0, 0}, {1.55, 0, 0, 0.1, 1.6, 0, 0, 0.2, 1.5}, true, m.cutoff, 1, 4),
            make_system({}, {}, false, m.cutoff, m.n_species),
            make_system({0, 0, 0, 2.3, 0, 0, 4.6, 0, 0, 6.9, 0, 0}, {}, false, m.cutoff, m.n_species),
            make_system({0, 0, 0, 50, 0, 0, 50, 2.4, 0}, {}, false, m.cutoff, m.n_species),
            crystal(0.1, 1)};
}
