#include "training.h"

#include <algorithm>
#include <stdexcept>

#include <omp.h>

#include "dispatch.h"
#include "graph.h"
#include "network.h"

namespace tlmlp::training {

namespace {

/// Gradients are summed in at most this many arrays, each over its own stretch of chunks, and those added in their
/// order in double precision: the number of threads changes no bit.
constexpr std::int64_t max_groups = 16;

} // namespace

template <class T> struct Evaluation<T>::Memory {
    PackedNetwork<T> weights;
    SlotGraph graph;
    Job<T> job;
    const Kernels<T> *kernels = nullptr;
    std::int64_t n_edges = 0;
    engine::Buffer<T> arrays, scratch, gradient;
    engine::Buffer<double> doubles, gradient_sum;
    std::size_t scratch_size = 0;

    void lay_out();
    void share_scratch(int threads);
    template <class Pass> void over_chunks(int threads, Pass &&pass);
    void sum_gradients(std::int64_t groups, int threads);
};

/// Points the job's arrays into `arrays`; the first round counts.
template <class T> void Evaluation<T>::Memory::lay_out() {
    const Sizes &s = weights.network().sizes;
    job = Job<T>();
    job.network = &weights.network();
    job.chunks = graph.chunks.data();
    job.first = graph.first.data();
    job.count = graph.count.data();
    job.reverse = graph.reverse.data();
    job.species = graph.species.data();
    job.source = graph.source.data();
    job.vector = graph.vector.data();
    job.slots = graph.slots;
    job.atoms = static_cast<std::int64_t>(graph.first.size());
    job.n_chunks = static_cast<std::int64_t>(graph.chunks.size());

    const std::int64_t blocks = s.blocks, outputs = blocks + 1, layers = layer_count(s);
    const std::int64_t update = layers * s.embed_p;
    for (const bool counting : {true, false}) {
        std::int64_t used = 0;
        // Vectors that start at the last edge of a row may read past it.
        const auto take = [&](T *&array, std::int64_t n) {
            array = counting ? nullptr : arrays.data() + used;
            used += (n + lane_pad + 15) / 16 * 16;
        };
        const auto edges = [&](std::int64_t n, std::initializer_list<T **> list) {
            for (T **array : list) {
                take(*array, n * job.slots);
            }
        };
        const auto atoms = [&](std::int64_t n, std::initializer_list<T **> list) {
            for (T **array : list) {
                take(*array, outputs * job.n_chunks * chunk_atoms * n);
            }
        };
        edges(3, {&job.unit});
        edges(1, {&job.inverse, &job.distance_dot});
        edges(s.radial_p, {&job.radial, &job.radial_slope, &job.radial_dot, &job.radial_bar, &job.radial_bar2});
        edges(s.basis, {&job.basis, &job.basis_slope});
        edges(s.harmonics, {&job.harmonics, &job.harmonics_dot});
        edges(4, {&job.geometry_bar});
        edges(outputs * s.embed_p, {&job.message, &job.message_dot});
        edges(s.embed_p, {&job.message_bar2, &job.embed_pre, &job.embed_slope, &job.embed_eta, &job.embed_pre_dot});
        edges(blocks * s.embed_p, {&job.kj, &job.kj_pre, &job.kj_slope, &job.kj_pre_dot, &job.gated_eta, &job.h, &job.h_dot});
        edges(blocks * update, {&job.pre, &job.slope, &job.eta, &job.pre_dot});
        edges(blocks * s.directional_p, {&job.y, &job.y_pre, &job.y_slope, &job.y_dot, &job.y_pre_dot, &job.y_eta, &job.sum,
                                         &job.sum_dot, &job.sum_bar, &job.sum_bar2});
        take(job.centre, blocks * job.atoms * s.harmonics * s.directional_p);
        atoms(s.embed_p, {&job.s, &job.s_dot, &job.s_eta});
        atoms(s.output_p, {&job.head, &job.head_dot, &job.head_eta});
        atoms(std::int64_t(s.dense) * s.output_p,
              {&job.head_pre, &job.head_slope, &job.head_layer_eta, &job.head_pre_dot});
        if (counting) {
            arrays.resize(static_cast<std::size_t>(used));
        }
    }
    double *memory = doubles.resize(static_cast<std::size_t>(6 * job.slots + 2 * job.atoms));
    job.vector_bar = memory;
    job.vector_dot = memory + 3 * job.slots;
    job.atom_energy = memory + 6 * job.slots;
    job.energy_weight = job.atom_energy + job.atoms;
}

template <class T> void Evaluation<T>::Memory::share_scratch(int threads) {
    scratch_size = static_cast<std::size_t>(
        kernels->scratch(weights.network().sizes, graph.max_lanes, graph.max_edges_of_atom));
    scratch_size = (scratch_size + 1023) / 1024 * 1024; // no cache line in two threads' hands
    scratch.resize(scratch_size * static_cast<std::size_t>(threads));
}

template <class T> template <class Pass> void Evaluation<T>::Memory::over_chunks(int threads, Pass &&pass) {
    const std::int64_t n = job.n_chunks;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (std::int64_t c = 0; c < n; ++c) {
        pass(graph.chunks[c], scratch.data() + scratch_size * static_cast<std::size_t>(omp_get_thread_num()));
    }
}

template <class T> void Evaluation<T>::Memory::sum_gradients(std::int64_t groups, int threads) {
    const auto size = static_cast<std::int64_t>(weights.gradient_size());
    double *sum = gradient_sum.resize(static_cast<std::size_t>(size));
    constexpr std::int64_t block = 1024;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t begin = 0; begin < size; begin += block) {
        const std::int64_t end = std::min(size, begin + block);
        std::fill(sum + begin, sum + end, 0.0);
        for (std::int64_t g = 0; g < groups; ++g) {
            const T *from = gradient.data() + g * size;
            for (std::int64_t i = begin; i < end; ++i) {
                sum[i] += double(from[i]);
            }
        }
    }
}

template <class T> Evaluation<T>::Evaluation() : memory_(std::make_unique<Memory>()) {}
template <class T> Evaluation<T>::~Evaluation() = default;

template <class T>
void Evaluation<T>::forward(const Shape &shape, const std::vector<const T *> &weights, const EdgeGraph &graph,
                            int threads, double *energies, double *derivatives) {
    Memory &m = *memory_;
    m.kernels = &find_kernels<T>();
    m.weights.pack(shape, weights);
    m.graph.build(graph, shape);
    m.n_edges = graph.n_edges;
    m.lay_out();
    m.share_scratch(threads);
    const Job<T> &job = m.job;
    const int max_lanes = m.graph.max_lanes, max_edges = m.graph.max_edges_of_atom;
    for (int pass = 0; pass <= shape.blocks; ++pass) {
        m.over_chunks(threads, [&](const Chunk &chunk, T *scratch) {
            m.kernels->forward(job, chunk, pass, scratch, max_lanes, max_edges);
        });
    }
    for (int pass = shape.blocks; pass >= 0; --pass) {
        m.over_chunks(threads, [&](const Chunk &chunk, T *scratch) {
            m.kernels->reverse(job, chunk, pass, scratch, max_lanes, max_edges);
        });
    }
    std::copy_n(job.atom_energy, graph.n_atoms, energies);
    std::fill_n(derivatives, 3 * graph.n_edges, 0.0);
    for (std::int64_t slot = 0; slot < job.slots; ++slot) {
        if (m.graph.input[slot] >= 0) {
            std::copy_n(job.vector_bar + 3 * slot, 3, derivatives + 3 * m.graph.input[slot]);
        }
    }
}

template <class T>
void Evaluation<T>::backward(const double *energy_weights, const double *derivative_weights, int threads,
                             const std::vector<T *> &gradients) {
    Memory &m = *memory_;
    const Job<T> &job = m.job;
    std::copy_n(energy_weights, job.atoms, const_cast<double *>(job.energy_weight));
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
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t g = 0; g < groups; ++g) {
        std::fill_n(gradient + g * size, size, T(0));
    }
    for (int pass = blocks; pass >= 0; --pass) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (std::int64_t g = 0; g < groups; ++g) {
            T *scratch = m.scratch.data() + m.scratch_size * static_cast<std::size_t>(omp_get_thread_num());
            for (std::int64_t c = job.n_chunks * g / groups; c < job.n_chunks * (g + 1) / groups; ++c) {
                m.kernels->second(job, m.graph.chunks[c], pass, scratch, max_lanes, max_edges, gradient + g * size);
            }
        }
    }
    m.sum_gradients(groups, threads);
    m.weights.unpack(m.gradient_sum.data(), gradients);
}

template class Evaluation<float>;
template class Evaluation<double>;

} // namespace tlmlp::training
