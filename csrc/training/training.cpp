#include "training.h"

#include <algorithm>
#include <stdexcept>

#include <omp.h>

#include "flush_subnormals.h"
#include "training_graph.h"
#include "packing.h"
#include "sweep_job.h"

namespace tlmlp::training {

namespace {

/// Gradients are summed in at most this many arrays, each over its own stretch of chunks, and those added in their
/// order in double precision: the number of threads changes no bit.
constexpr std::int64_t max_groups = 16;

/// call(k) for all k < n, by a team of threads.
template <class Call> void over_items(std::int64_t n, int threads, Call &&call) {
#pragma omp parallel num_threads(threads)
    {
        const engine::FlushSubnormals flush;
#pragma omp for schedule(dynamic, 1)
        for (std::int64_t k = 0; k < n; ++k) {
            call(k);
        }
    }
}

} // namespace

template <class T> struct Evaluation<T>::Memory {
    engine::PackedNetwork<T> weights;
    TrainingGraph graph;
    SweepJob<T> job;
    const Kernels<T> *kernels = nullptr;
    std::int64_t n_edges = 0;
    engine::Buffer<T> first, second; ///< arrays of the first two sweeps, and those that only the last two need
    engine::Buffer<T> scratch, gradient;
    engine::Buffer<double> doubles, gradient_sum;
    engine::Buffer<std::int32_t> intervals;
    std::size_t scratch_size = 0;

    void prepare_first();
    void prepare_second();
    template <class List> void lay_out(engine::Buffer<T> &buffer, List &&list);
    void share_scratch(int threads);
    template <class Pass> void over_chunks(int threads, Pass &&pass);
    void sum_gradients(std::int64_t groups, int threads);
};

/// Hands out pieces of `buffer` to every array that list(take) names: a first round counts, the second one points.
template <class T> template <class List> void Evaluation<T>::Memory::lay_out(engine::Buffer<T> &buffer, List &&list) {
    for (const bool counting : {true, false}) {
        std::int64_t used = 0;
        // Vectors that start at the last edge of a row may read past it.
        list([&](std::int64_t n, std::initializer_list<T **> arrays) {
            for (T **array : arrays) {
                *array = counting ? nullptr : buffer.data() + used;
                used += (n + lane_pad + 15) / 16 * 16;
            }
        });
        if (counting) {
            buffer.resize(static_cast<std::size_t>(used));
        }
    }
}

/// Points the job to the graph and to the arrays of the forward and reverse sweeps.
template <class T> void Evaluation<T>::Memory::prepare_first() {
    const Sizes &s = weights.network().sizes;
    job = {graph.job(weights.network(), graph.species.data())};
    job.gradient = true;
    job.interval = intervals.resize(static_cast<std::size_t>(job.slots));

    const std::int64_t blocks = s.blocks, layers = s.slopes(), edges = job.slots;
    const std::int64_t outputs = s.outputs * job.n_chunks * chunk_atoms;
    lay_out(first, [&](auto &&take) {
        take(3 * edges, {&job.unit});
        take(edges, {&job.inverse, &job.position});
        take(s.radial_p * edges, {&job.radial, &job.radial_slope, &job.radial_bar});
        take(s.basis * edges, {&job.basis, &job.basis_slope});
        take(s.harmonics * edges, {&job.harmonics});
        take(4 * edges, {&job.geometry_bar});
        take((blocks + 1) * s.embed_p * edges, {&job.message});
        take(s.embed_p * edges, {&job.embed_pre, &job.embed_slope, &job.embed_bar});
        take(blocks * s.embed_p * edges, {&job.kj, &job.kj_pre, &job.kj_slope, &job.gated_bar, &job.h});
        take(blocks * layers * s.embed_p * edges, {&job.pre, &job.slopes, &job.act_bar});
        take(blocks * s.directional_p * edges, {&job.y, &job.y_pre, &job.y_slope, &job.y_bar, &job.z, &job.z_bars});
        take(blocks * job.atoms * s.harmonics * s.directional_p, {&job.A});
        take(outputs * s.embed_p, {&job.sums, &job.sums_bar});
        take(outputs * s.output_order().count() * s.output_p, {&job.output_pre, &job.output_slope, &job.output_bar});
    });
    const std::int64_t values = s.heads() * job.atoms;
    double *memory = doubles.resize(static_cast<std::size_t>(6 * job.slots + 2 * values));
    job.vector_bar = memory;
    job.vector_dot = memory + 3 * job.slots;
    job.head_value = memory + 6 * job.slots;
    job.value_weight = job.head_value + values;
}

/// Points the job to the arrays of the tangent and second sweeps.
template <class T> void Evaluation<T>::Memory::prepare_second() {
    const Sizes &s = weights.network().sizes;
    const std::int64_t blocks = s.blocks, layers = s.slopes(), edges = job.slots;
    const std::int64_t outputs = s.outputs * job.n_chunks * chunk_atoms;
    lay_out(second, [&](auto &&take) {
        take(edges, {&job.distance_dot});
        take(s.radial_p * edges, {&job.radial_dot, &job.radial_bar2});
        take(s.harmonics * edges, {&job.harmonics_dot});
        take((blocks + 1) * s.embed_p * edges, {&job.message_dot});
        take(s.embed_p * edges, {&job.message_bar2, &job.embed_pre_dot});
        take(blocks * s.embed_p * edges, {&job.kj_pre_dot, &job.h_dot});
        take(blocks * layers * s.embed_p * edges, {&job.pre_dot});
        take(blocks * s.directional_p * edges, {&job.y_dot, &job.y_pre_dot, &job.z_dot, &job.z_bar2});
        take(outputs * s.embed_p, {&job.sums_dot});
        take(outputs * s.output_order().count() * s.output_p, {&job.output_pre_dot});
    });
}

template <class T> void Evaluation<T>::Memory::share_scratch(int threads) {
    scratch_size =
        static_cast<std::size_t>(kernels->scratch(weights.network().sizes, graph.max_lanes, graph.max_edges_of_atom));
    scratch_size = (scratch_size + 1023) / 1024 * 1024; // no cache line in two threads' hands
    scratch.resize(scratch_size * static_cast<std::size_t>(threads));
}

template <class T> template <class Pass> void Evaluation<T>::Memory::over_chunks(int threads, Pass &&pass) {
    over_items(job.n_chunks, threads, [&](std::int64_t c) {
        pass(graph.chunks[c], scratch.data() + scratch_size * static_cast<std::size_t>(omp_get_thread_num()));
    });
}

template <class T> void Evaluation<T>::Memory::sum_gradients(std::int64_t groups, int threads) {
    const auto size = static_cast<std::int64_t>(weights.gradient_size());
    double *sum = gradient_sum.resize(static_cast<std::size_t>(size));
    constexpr std::int64_t block = 1024;
    over_items((size + block - 1) / block, threads, [&](std::int64_t k) {
        const std::int64_t begin = k * block, end = std::min(size, begin + block);
        std::fill(sum + begin, sum + end, 0.0);
        for (std::int64_t g = 0; g < groups; ++g) {
            const T *from = gradient.data() + g * size;
            for (std::int64_t i = begin; i < end; ++i) {
                sum[i] += double(from[i]);
            }
        }
    });
}

template <class T> Evaluation<T>::Evaluation() : memory_(std::make_unique<Memory>()) {}
template <class T> Evaluation<T>::~Evaluation() = default;

template <class T>
void Evaluation<T>::forward(const network::Sizes &sizes, double cutoff, const std::vector<const T *> &weights,
                            const EdgeGraph &graph, int threads, double *values, double *derivatives) {
    Memory &m = *memory_;
    m.kernels = &engine::at_level<Kernels<T>>({});
    m.weights.pack(sizes, cutoff, weights, engine::Tabulated::spherical);
    m.graph.build(graph, sizes.n_species, cutoff);
    m.n_edges = graph.n_edges;
    m.prepare_first();
    m.share_scratch(threads);
    const SweepJob<T> &job = m.job;
    const int max_lanes = m.graph.max_lanes, max_edges = m.graph.max_edges_of_atom;
    for (int pass = 0; pass <= sizes.n_blocks; ++pass) {
        m.over_chunks(threads, [&](const Chunk &chunk, T *scratch) {
            m.kernels->forward(job, chunk, pass, scratch, max_lanes, max_edges);
        });
    }
    for (int pass = sizes.n_blocks; pass >= 0; --pass) {
        m.over_chunks(threads, [&](const Chunk &chunk, T *scratch) {
            m.kernels->reverse(job, chunk, pass, scratch, max_lanes, max_edges);
        });
    }
    std::copy_n(job.head_value, job.network->sizes.heads() * graph.n_atoms, values);
    std::fill_n(derivatives, 3 * graph.n_edges, 0.0);
    for (std::int64_t slot = 0; slot < job.slots; ++slot) {
        if (m.graph.input[slot] >= 0) {
            std::copy_n(job.vector_bar + 3 * slot, 3, derivatives + 3 * m.graph.input[slot]);
        }
    }
}

template <class T>
void Evaluation<T>::backward(const double *value_weights, const double *derivative_weights, int threads,
                             const std::vector<T *> &gradients) {
    Memory &m = *memory_;
    m.prepare_second();
    const SweepJob<T> &job = m.job;
    std::copy_n(value_weights, job.network->sizes.heads() * job.atoms, const_cast<double *>(job.value_weight));
    double *dot = const_cast<double *>(job.vector_dot);
    for (std::int64_t slot = 0; slot < job.slots; ++slot) {
        const std::int64_t e = m.graph.input[slot];
        for (int k = 0; k < 3; ++k) {
            dot[3 * slot + k] = e >= 0 ? derivative_weights[3 * e + k] : 0.0;
        }
    }
    m.share_scratch(threads);
    const int blocks = job.network->sizes.blocks, max_lanes = m.graph.max_lanes, max_edges = m.graph.max_edges_of_atom;
    for (int pass = 0; pass <= blocks; ++pass) {
        m.over_chunks(threads, [&](const Chunk &chunk, T *scratch) {
            m.kernels->tangent(job, chunk, pass, scratch, max_lanes, max_edges);
        });
    }
    const std::int64_t groups = std::clamp<std::int64_t>(job.n_chunks / 2, 1, max_groups);
    const auto size = static_cast<std::int64_t>(m.weights.gradient_size());
    T *gradient = m.gradient.resize(static_cast<std::size_t>(groups * size));
    over_items(groups, threads, [&](std::int64_t g) { std::fill_n(gradient + g * size, size, T(0)); });
    for (int pass = blocks; pass >= 0; --pass) {
        over_items(groups, threads, [&](std::int64_t g) {
            T *scratch = m.scratch.data() + m.scratch_size * static_cast<std::size_t>(omp_get_thread_num());
            for (std::int64_t c = job.n_chunks * g / groups; c < job.n_chunks * (g + 1) / groups; ++c) {
                m.kernels->second(job, m.graph.chunks[c], pass, scratch, max_lanes, max_edges, gradient + g * size);
            }
        });
    }
    m.sum_gradients(groups, threads);
    m.weights.unpack(m.gradient_sum.data(), gradients);
}

template class Evaluation<float>;
template class Evaluation<double>;

} // namespace tlmlp::training
