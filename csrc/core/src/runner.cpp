#include "runner.h"

#include <algorithm>
#include <type_traits>

#include <omp.h>

namespace tlmlp::engine {

namespace {

constexpr double ev_in_kj_per_mol = 96.48533212331001; // CODATA 2018, python/tlmlp/units.py
constexpr double nm_per_angstrom = 0.1;

} // namespace

template <class T>
RunnerOf<T>::RunnerOf(const ModelFile &file, const EngineOptions &options)
    : weights_(packed_network<T>(file)), kernels_(at_level<Kernels<T>>(options.level)),
      kept_slopes_(options.kept_slopes) {}

template <class T>
Job<T> RunnerOf<T>::prepare(const Graph &graph, const std::int32_t *species, int threads,
                            const ComputeOptions &options) {
    const bool gradient = options.forces;
    const Sizes &s = weights_.network().sizes;
    const auto slots = static_cast<std::size_t>(graph.slots), atoms = graph.first.size();
    const auto blocks = static_cast<std::size_t>(s.blocks);
    Job<T> job = graph.job(weights_.network(), species);
    job.gradient = gradient;

    // Vectors that start at the last edge of a row may read past it.
    const auto lane_array = [&](Buffer<T> &buffer, int rows) { return buffer.resize(slots * rows + lane_pad); };
    job.unit = lane_array(unit_, 3);
    job.position = lane_array(position_, 1);
    job.interval = interval_.resize(slots);
    job.radial = lane_array(radial_, s.radial_p);
    job.basis = lane_array(basis_, s.basis);
    job.harmonics = lane_array(harmonics_, s.harmonics);
    job.message = message_.resize(blocks * slots * s.embed_p);
    job.z = z_.resize(blocks * slots * s.directional_p);
    job.A = A_.resize(blocks * atoms * s.harmonics * s.directional_p);
    job.head_value = head_value_.resize(s.heads() * atoms);
    if (gradient) {
        job.sums_bar = sums_bar_.resize(s.outputs * job.n_chunks * chunk_atoms * s.embed_p);
        const std::size_t slopes = blocks > 0 ? (blocks - 1) * slots * s.slopes() * s.embed_p : 0;
        job.slopes = slopes <= kept_slopes_ ? slopes_.resize(slopes) : nullptr;
        job.message_bar = message_bar_.resize(slots * s.embed_p);
        job.radial_bar = lane_array(radial_bar_, s.radial_p);
        job.geometry_bar = lane_array(geometry_bar_, 4);
        job.vector_bar = vector_bar_.resize(3 * slots);
        if (options.exchange) {
            job.A_bar = A_bar_.resize(atoms * s.harmonics * s.directional_p);
            job.touched = touched_.resize(atoms);
        }
    }
    scratch_.resize(std::max<std::size_t>(scratch_.size(), threads));
    for (int t = 0; t < threads; ++t) {
        scratch_[t].resize(kernels_.scratch(s, graph.max_lanes, graph.max_edges_of_atom));
    }
    return job;
}

/// Forces of the chunk's atoms, its share of the virial, and gradients in the caller's order.
template <class T>
void RunnerOf<T>::collect(const Graph &graph, const Chunk &chunk, const Job<T> &job, const ComputeOptions &options,
                          Totals &out, double *chunk_virial) const {
    constexpr double to_force = nm_per_angstrom / ev_in_kj_per_mol; // kJ/mol/nm to eV/Angstrom
    constexpr double to_virial = 1.0 / ev_in_kj_per_mol;            // kJ/mol to eV
    const double *bar = job.vector_bar, *vector = graph.vector.data();
    std::array<double, 9> sum{};
    for (std::int32_t i = chunk.atom; i < chunk.atom + chunk.atoms; ++i) {
        double force[3] = {0.0, 0.0, 0.0};
        const std::int64_t begin = chunk.slot + graph.first[i];
        for (std::int64_t slot = begin; slot < begin + graph.count[i]; ++slot) {
            const double *g = bar + 3 * slot, *opposite = bar + 3 * std::int64_t(graph.reverse[slot]);
            const double *v = vector + 3 * slot;
            for (int a = 0; a < 3; ++a) {
                force[a] += g[a] - opposite[a];
                for (int b = 0; b < 3; ++b) {
                    sum[3 * a + b] -= g[a] * v[b];
                }
                if (options.edge_gradients) {
                    out.edge_gradients[3 * graph.input[slot] + a] = g[a] * to_force;
                }
            }
        }
        for (int a = 0; a < 3; ++a) {
            out.forces[3 * static_cast<std::size_t>(i) + a] = force[a] * to_force;
        }
    }
    for (int k = 0; k < 9; ++k) {
        chunk_virial[k] = sum[k] * to_virial;
    }
}

template <class T> AtomRows RunnerOf<T>::rows(const Job<T> &job, T *data) const {
    return {data, exchange_size(), std::is_same_v<T, double>, job.touched};
}

/// The forward passes, by all threads of a team; so are the functions below.
template <class T> void RunnerOf<T>::forward(const Passes &passes, const Job<T> &job, const Member &member) const {
    const auto n_chunks = static_cast<std::int64_t>(passes.graph.chunks.size());
    const int blocks = weights_.network().sizes.blocks;
    for (int pass = 0; pass <= blocks; ++pass) {
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t c = 0; c < n_chunks; ++c) {
            kernels_.forward(job, job.chunks[c], pass, member.scratch, passes.max_lanes, passes.max_edges);
        }
        if (passes.options.exchange && pass < blocks) {
#pragma omp master
            member.flush.for_host(
                [&] { passes.options.exchange->forward(rows(job, job.A + pass * job.atoms * exchange_size())); });
#pragma omp barrier
#pragma omp for schedule(dynamic, 1)
            for (std::int64_t c = passes.first_foreign; c < n_chunks; ++c) {
                kernels_.receive(job, job.chunks[c], pass, member.scratch, passes.max_lanes, passes.max_edges);
            }
        }
    }
}

/// The reverse passes, which begin with dE/dz of the last block in `bars`.
template <class T>
void RunnerOf<T>::reverse(const Passes &passes, Job<T> &job, const Member &member, const ZBars &bars) const {
    const auto n_chunks = static_cast<std::int64_t>(passes.graph.chunks.size());
    const T *energy_bars = job.energy_bar;
    for (int pass = weights_.network().sizes.blocks - 1; pass >= 0; --pass) {
        job.z_bar = bars.of(pass);
        job.z_bar_next = pass > 0 ? bars.of(pass - 1) : nullptr;
        if (energy_bars) {
            job.energy_bar = energy_bars + pass * bars.size;
        }
        if (passes.options.exchange) {
#pragma omp for schedule(dynamic, 1)
            for (std::int64_t c = passes.first_foreign; c < n_chunks; ++c) {
                kernels_.send(job, job.chunks[c], pass, member.scratch, passes.max_lanes, passes.max_edges);
            }
#pragma omp master
            member.flush.for_host([&] { passes.options.exchange->reverse(rows(job, job.A_bar)); });
#pragma omp barrier
        }
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t c = 0; c < n_chunks; ++c) {
            kernels_.reverse(job, job.chunks[c], pass, member.scratch, passes.max_lanes, passes.max_edges);
        }
    }
}

/// Result::edge_moments, one component of the positions after the other. The reverse passes are linear: the same ones
/// carry sum_k (r_k - r_i)_a dE_k/dx instead of dE/dx from array to array. It starts as zero at the atoms' own
/// energies. Where a message passes to the next atom, Pass::move_moments changes the atom i that it counts from.
template <class T>
void RunnerOf<T>::moments(const Passes &passes, Job<T> job, const Member &member, const T *energy_bars,
                          const ZBars &bars, Totals &out) const {
    constexpr double to_moment = 1.0 / ev_in_kj_per_mol; // nm times kJ/mol/nm to eV
    const auto n_chunks = static_cast<std::int64_t>(passes.graph.chunks.size());
    const Sizes &s = weights_.network().sizes;
    for (int axis = 0; s.blocks > 0 && axis < 3; ++axis) {
        job.axis = axis;
        job.energy_bar = energy_bars;
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t c = 0; c < n_chunks; ++c) {
            const Chunk &chunk = job.chunks[c];
            const auto clear = [&](T *array, int rows) {
                std::fill_n(array + rows * chunk.slot, std::ptrdiff_t(rows) * chunk.stride, T(0));
            };
            clear(bars.of(s.blocks - 1), s.directional_p);
            clear(job.message_bar, s.embed_p);
            clear(job.radial_bar, s.radial_p);
            clear(job.geometry_bar, 4);
        }
        reverse(passes, job, member, bars);
#pragma omp for schedule(static)
        for (std::int64_t slot = 0; slot < job.slots; ++slot) {
            const std::int64_t edge = passes.graph.input[static_cast<std::size_t>(slot)];
            for (int b = 0; edge >= 0 && b < 3; ++b) {
                out.edge_moments[static_cast<std::size_t>(9 * edge + 3 * axis + b)] =
                    job.vector_bar[3 * slot + b] * to_moment;
            }
        }
    }
}

template <class T>
void RunnerOf<T>::run(const Graph &graph, const std::int32_t *species, const std::vector<double> &energy_shift,
                      int threads, const ComputeOptions &options, std::int64_t n_edges, Totals &out) {
    const bool with_moments = options.forces && options.edge_moments;
    const Job<T> shared = prepare(graph, species, threads, options);
    const auto n_chunks = static_cast<std::int64_t>(graph.chunks.size());
    // Chunks of foreign atoms come last; their sums around centres are made by the owners and come by the exchange.
    Passes passes{graph, options, n_chunks, graph.max_lanes, graph.max_edges_of_atom};
    while (passes.first_foreign > 0 && graph.chunks[passes.first_foreign - 1].foreign) {
        --passes.first_foreign;
    }
    const std::size_t n_atoms = graph.first.size();
    out.forces.assign(options.forces ? 3 * n_atoms : 0, 0.0);
    out.edge_gradients.assign(options.forces && options.edge_gradients ? 3 * static_cast<std::size_t>(n_edges) : 0,
                              0.0);
    out.edge_moments.assign(with_moments ? 9 * static_cast<std::size_t>(n_edges) : 0, 0.0);
    double *virial = chunk_virial_.resize(9 * graph.chunks.size());
    const Sizes &sizes = weights_.network().sizes;
    // The passes of the energy leave dE/dz in the place of z. Those of the moments compute from z again, and read dE/dz
    // of each block: it goes to arrays of its own then.
    const std::ptrdiff_t row_array = graph.slots * sizes.directional_p;
    ZBars bars{shared.z, row_array, sizes.blocks}, moment_bars{nullptr, row_array, 2};
    if (with_moments && sizes.blocks > 0) {
        bars.data = z_bars_.resize(static_cast<std::size_t>((sizes.blocks + 2) * row_array));
        moment_bars.data = bars.data + sizes.blocks * row_array;
    }

#pragma omp parallel num_threads(threads) default(shared)
    {
        Job<T> job = shared; // each pass has its own arrays of dE/dz
        FlushSubnormals flush;
        const Member member{scratch_[omp_get_thread_num()].data(), flush};
        if (sizes.blocks > 0) {
            job.z_bar_next = bars.of(sizes.blocks - 1);
        }
        forward(passes, job, member);
        if (options.forces) {
            reverse(passes, job, member, bars);
#pragma omp for schedule(static)
            for (std::int64_t c = 0; c < n_chunks; ++c) {
                collect(graph, graph.chunks[c], job, options, out, virial + 9 * c);
            }
        }
        if (with_moments) {
            moments(passes, shared, member, bars.data, moment_bars, out);
        }
    }

    out.head_values.assign(shared.head_value, shared.head_value + sizes.heads() * n_atoms);
    out.energy = 0.0;
    for (std::size_t i = 0; i < n_atoms; ++i) {
        const bool mine = static_cast<std::int64_t>(i) < graph.owned;
        double &energy = out.head_values[i];
        energy = mine ? energy / ev_in_kj_per_mol + energy_shift[species[i]] : 0.0;
        out.energy += energy;
    }
    out.virial.fill(0.0);
    for (std::int64_t c = 0; options.forces && c < n_chunks; ++c) {
        for (int k = 0; k < 9; ++k) {
            out.virial[k] += virial[9 * c + k];
        }
    }
}

template <class T> std::size_t RunnerOf<T>::memory() const {
    std::size_t bytes = interval_.bytes() + head_value_.bytes() + vector_bar_.bytes() + chunk_virial_.bytes();
    for (const Buffer<T> *buffer : {&unit_, &position_, &radial_, &basis_, &harmonics_, &message_, &z_, &A_, &sums_bar_,
                                    &slopes_, &message_bar_, &z_bars_, &radial_bar_, &geometry_bar_, &A_bar_}) {
        bytes += buffer->bytes();
    }
    for (const Buffer<T> &buffer : scratch_) {
        bytes += buffer.bytes();
    }
    return bytes;
}

template class RunnerOf<float>;
template class RunnerOf<double>;

} // namespace tlmlp::engine
