#pragma once

#include <deque>
#include <vector>

#include "cuda/device.h"
#include "src/weights.h"

namespace tlmlp::cuda {

/// The network on a device with the arrays of its passes, for one system or many side by side.
template <class T> class Evaluator {
  public:
    Evaluator(Device &device, const engine::ModelFile &file);
    ~Evaluator();
    Evaluator(const Evaluator &) = delete;
    Evaluator &operator=(const Evaluator &) = delete;

    /// Room for systems that begin at `first_atoms` (systems + 1 numbers, the last is the number of atoms) with up to
    /// `capacity` edges in all. Sets everything in job() but the graph's own arrays (n_edges .. vector).
    void resize(const std::vector<std::int64_t> &first_atoms, std::int64_t capacity);

    Job<T> &job() { return job_; }
    Device &device() { return device_; }

    /// Energies, and with `gradient` forces and virials, of the graph that job() holds.
    void run(bool gradient);

    /// The same without a recording of its own, for callers who record more than that.
    void launch(bool gradient);

    std::size_t memory() const;

  private:
    template <class U> const U *keep(const U *from, std::size_t n);
    Dense<T> keep(const Dense<T> &layer);
    const Dense<T> *keep_layers(const Dense<T> *layers, int n);
    void upload(const Network<T> &host);
    template <class U> U *array(int number, std::size_t n);

    Device &device_;
    Job<T> job_;
    std::deque<Memory> weights_, arrays_;
    std::vector<std::int64_t> first_atoms_;
    std::vector<char> recorded_;
    void *recording_ = nullptr;
};

} // namespace tlmlp::cuda
