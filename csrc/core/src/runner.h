#pragma once

#include <array>
#include <vector>

#include "buffer.h"
#include "flush_subnormals.h"
#include "graph.h"
#include "weights.h"

namespace tlmlp::engine {

/// Numbers of one evaluation, in eV and Angstrom.
struct Totals {
    std::vector<double> head_values, forces, edge_gradients, edge_moments; ///< of Result
    std::array<double, 9> virial{};
    double energy = 0.0;
};

/// The network in one precision with the arrays of its passes; independent of the precision for its owner.
class Runner {
  public:
    virtual ~Runner() = default;
    virtual void run(const Graph &graph, const std::int32_t *species, const std::vector<double> &energy_shift,
                     int threads, const ComputeOptions &options, std::int64_t n_edges, Totals &out) = 0;
    virtual const char *level() const = 0;
    virtual std::ptrdiff_t exchange_size() const = 0; ///< numbers of one atom's sums in one block
    virtual std::size_t memory() const = 0;
};

template <class T> class RunnerOf final : public Runner {
  public:
    RunnerOf(const ModelFile &file, const EngineOptions &options);
    void run(const Graph &graph, const std::int32_t *species, const std::vector<double> &energy_shift, int threads,
             const ComputeOptions &options, std::int64_t n_edges, Totals &out) override;
    const char *level() const override { return kernels_.level; }
    std::ptrdiff_t exchange_size() const override {
        const Sizes &s = weights_.network().sizes;
        return std::ptrdiff_t(s.harmonics) * s.directional_p;
    }
    std::size_t memory() const override;

  private:
    /// What the passes of one evaluation have in common.
    struct Passes {
        const Graph &graph;
        const ComputeOptions &options;
        std::int64_t first_foreign; ///< chunk
        int max_lanes, max_edges;
    };
    /// What one thread of the team has.
    struct Member {
        T *scratch;
        FlushSubnormals &flush;
    };

    /// Arrays of dE/dz in memory one behind the other, which blocks take in turn.
    struct ZBars {
        T *data;
        std::ptrdiff_t size;
        int arrays;
        T *of(int block) const { return data + block % arrays * size; }
    };

    Job<T> prepare(const Graph &graph, const std::int32_t *species, int threads, const ComputeOptions &options);
    AtomRows rows(const Job<T> &job, T *data) const;
    void forward(const Passes &passes, const Job<T> &job, const Member &member) const;
    void reverse(const Passes &passes, Job<T> &job, const Member &member, const ZBars &bars) const;
    void moments(const Passes &passes, Job<T> job, const Member &member, const T *energy_bars, const ZBars &bars,
                 Totals &out) const;
    void collect(const Graph &graph, const Chunk &chunk, const Job<T> &job, const ComputeOptions &options, Totals &out,
                 double *chunk_virial) const;

    PackedNetwork<T> weights_;
    const Kernels<T> &kernels_;
    std::size_t kept_slopes_;
    Buffer<T> unit_, position_, radial_, basis_, harmonics_, message_, z_, A_, sums_bar_;
    Buffer<T> slopes_, message_bar_, z_bars_, radial_bar_, geometry_bar_, A_bar_;
    Buffer<std::int32_t> interval_;
    Buffer<unsigned char> touched_;
    Buffer<double> head_value_, vector_bar_, chunk_virial_;
    std::vector<Buffer<T>> scratch_;
};

} // namespace tlmlp::engine
