// The engine's runner on a device: packs the host's graph, evaluates, brings the results back.
#include <algorithm>
#include <chrono>

#include "cuda/kernels/kernels.h"
#include "cuda/evaluator.h"
#include "cuda/install.h"
#include "cuda/make_device.h"
#include "src/device_runner.h"

namespace tlmlp::cuda {

namespace {

constexpr double to_force = 0.1 / 96.48533212331001; // kJ/mol/nm to eV/Angstrom, see kernels/atoms.h

template <class T> class DeviceRunner final : public engine::Runner {
  public:
    DeviceRunner(const engine::ModelFile &file, std::unique_ptr<Device> device)
        : device_(std::move(device)), evaluator_(*device_, file), level_(device_->name()) {
        for (int k = 0; k < 7; ++k) {
            graph_.emplace_back(*device_);
        }
    }

    void run(const engine::Graph &graph, const std::int32_t *species, const std::vector<double> &, int,
             const ComputeOptions &options, std::int64_t n_edges, engine::Totals &out) override {
        if (options.exchange) {
            throw Error("a model on a GPU runs in one process: use one rank, or the CPU");
        }
        if (options.edge_moments) {
            throw Error("moments of the energy for the heat flux are made on the CPU only");
        }
        const auto atoms = static_cast<std::int64_t>(graph.first.size());
        evaluator_.resize({0, atoms}, graph.edges);
        pack(graph);
        Job<T> &job = evaluator_.job();
        job.n_edges = graph_[0].template assign<std::int32_t>(&edge_count_, 1);
        job.species = graph_[1].template assign<std::int32_t>(species, static_cast<std::size_t>(atoms));
        job.offsets = graph_[2].template assign<std::int32_t>(offsets_.data(), offsets_.size());
        job.source = reserve_and_assign<std::int32_t>(graph_[3], source_, job.capacity);
        job.target = reserve_and_assign<std::int32_t>(graph_[4], target_, job.capacity);
        job.reverse = reserve_and_assign<std::int32_t>(graph_[5], reverse_, job.capacity);
        job.vector = reserve_and_assign<double>(graph_[6], vector_, 3 * job.capacity);
        evaluator_.run(options.forces);

        out.head_values.resize(static_cast<std::size_t>(job.network.sizes.heads() * atoms));
        out.forces.assign(options.forces ? 3 * static_cast<std::size_t>(atoms) : 0, 0.0);
        out.edge_gradients.assign(options.forces && options.edge_gradients ? 3 * static_cast<std::size_t>(n_edges) : 0,
                                  0.0);
        out.virial.fill(0.0);
        fetch(out.head_values.data(), job.head_value, out.head_values.size());
        fetch(&out.energy, job.energy, 1);
        if (options.forces) {
            fetch(out.forces.data(), job.forces, out.forces.size());
            fetch(out.virial.data(), job.virial, 9);
        }
        if (!out.edge_gradients.empty()) {
            gradient_.resize(3 * source_.size());
            fetch(gradient_.data(), job.vector_bar, gradient_.size());
            for (std::size_t edge = 0; edge < source_.size(); ++edge) {
                for (int k = 0; k < 3; ++k) {
                    out.edge_gradients[3 * static_cast<std::size_t>(input_[edge]) + k] =
                        to_force * gradient_[3 * edge + k];
                }
            }
        }
    }

    /// After `run`: the same evaluation `repeats` times, then each of its launches.
    std::vector<KernelTime> time(int repeats) {
        std::vector<KernelTime> times;
        const auto measure = [&](const std::string &name, int pass, auto &&launch) {
            launch();
            device_->synchronize();
            const auto begin = std::chrono::steady_clock::now();
            for (int k = 0; k < repeats; ++k) {
                launch();
            }
            device_->synchronize();
            const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
            times.push_back({name, pass, seconds.count() / repeats});
        };
        evaluator_.run(true); // twice, so that there is a recording
        measure("all", 0, [&] { evaluator_.run(true); });
        each_launch(evaluator_.job().network.sizes.blocks, true, [&](Kernel kernel, int pass) {
            measure(name_of(kernel), pass, [&] { device_->launch(kernel, evaluator_.job(), pass); });
        });
        return times;
    }

    const char *level() const override { return level_.c_str(); }
    std::ptrdiff_t exchange_size() const override { return 0; } // nothing is exchanged

    std::size_t memory() const override {
        std::size_t bytes = evaluator_.memory();
        for (const Memory &memory : graph_) {
            bytes += memory.bytes();
        }
        return bytes;
    }

  private:
    void fetch(double *to, const double *from, std::size_t n) {
        if (n > 0) {
            device_->download(to, from, n * sizeof(double));
        }
    }

    template <class U> U *reserve_and_assign(Memory &memory, const std::vector<U> &values, std::int64_t capacity) {
        U *to = memory.resize<U>(static_cast<std::size_t>(capacity));
        if (!values.empty()) {
            device_->upload(to, values.data(), values.size() * sizeof(U));
        }
        return to;
    }

    /// The CPU's graph pads its chunks of edges; the device's has none of that.
    void pack(const engine::Graph &graph) {
        packed_.resize(graph.reverse.size());
        offsets_.assign(1, 0);
        for (auto *array : {&source_, &target_, &reverse_}) {
            array->clear();
        }
        input_.clear();
        vector_.clear();
        for (const engine::Chunk &chunk : graph.chunks) {
            for (std::int32_t atom = chunk.atom; atom < chunk.atom + chunk.atoms; ++atom) {
                const std::int64_t begin = chunk.slot + graph.first[atom];
                for (std::int64_t slot = begin; slot < begin + graph.count[atom]; ++slot) {
                    packed_[slot] = static_cast<std::int32_t>(source_.size());
                    source_.push_back(graph.source[slot]);
                    target_.push_back(atom);
                    reverse_.push_back(graph.reverse[slot]);
                    input_.push_back(graph.input[slot]);
                    vector_.insert(vector_.end(), &graph.vector[3 * slot], &graph.vector[3 * slot] + 3);
                }
                offsets_.push_back(static_cast<std::int32_t>(source_.size()));
            }
        }
        for (std::int32_t &edge : reverse_) {
            edge = packed_[edge];
        }
        edge_count_ = static_cast<std::int32_t>(source_.size());
    }

    std::unique_ptr<Device> device_;
    Evaluator<T> evaluator_;
    std::string level_;
    std::deque<Memory> graph_;
    std::int32_t edge_count_ = 0;
    std::vector<std::int32_t> packed_, offsets_, source_, target_, reverse_;
    std::vector<std::int64_t> input_;
    std::vector<double> vector_, gradient_;
};

std::unique_ptr<engine::Runner> make_runner(const engine::ModelFile &file, const EngineOptions &options) {
    if (options.precision == Precision::float64) {
        return std::make_unique<DeviceRunner<double>>(file, make_device(options.device));
    }
    return std::make_unique<DeviceRunner<float>>(file, make_device(options.device));
}

} // namespace

template <class T>
std::vector<KernelTime> time_with(const engine::ModelFile &file, const EngineOptions &options, const EdgeList &edges,
                                  int repeats) {
    DeviceRunner<T> runner(file, make_device(options.device));
    engine::Graph graph;
    engine::Totals totals;
    graph.build(edges, file.sizes.cutoff, file.sizes.n_species);
    runner.run(graph, edges.species, file.energy_shift, 1, {}, edges.n_edges, totals);
    return runner.time(repeats);
}

std::vector<KernelTime> time_kernels(const std::string &path, const EngineOptions &options, const EdgeList &edges,
                                     int repeats) {
    const engine::ModelFile file = engine::ModelFile::from_path(path);
    return options.precision == Precision::float64 ? time_with<double>(file, options, edges, repeats)
                                                   : time_with<float>(file, options, edges, repeats);
}

void install() { engine::set_device_runner(make_runner); }

} // namespace tlmlp::cuda
