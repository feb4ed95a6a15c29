#include "tlmlp/engine.h"

#include "device_runner.h"
#include "engine_impl.h"
#include "level_choice.h"
#include "team.h"

namespace tlmlp {

namespace {

constexpr int max_threads = 1024;
constexpr double max_skin = 10.0;

void check_threads(int threads) {
    if (threads < 1 || threads > max_threads) {
        throw Error("threads must be from 1 to " + std::to_string(max_threads) + ", got " + std::to_string(threads));
    }
}

void check_skin(double skin) {
    if (!(skin >= 0.0 && skin <= max_skin)) {
        throw Error("the skin of the neighbour list must be from 0 to " + std::to_string(int(max_skin)) +
                    " Angstrom, got " + std::to_string(skin));
    }
}

engine::DeviceRunnerFactory device_runner = nullptr;

std::unique_ptr<engine::Runner> make_runner(const engine::ModelFile &file, const EngineOptions &options) {
    if (!options.device.empty() && options.device != "cpu") {
        if (!device_runner) {
            throw Error("this program runs models on the CPU only, got the device '" + options.device + "'");
        }
        return device_runner(file, options);
    }
    if (options.precision == Precision::float64) {
        return std::make_unique<engine::RunnerOf<double>>(file, options);
    }
    return std::make_unique<engine::RunnerOf<float>>(file, options);
}

} // namespace

void engine::set_device_runner(DeviceRunnerFactory factory) { device_runner = factory; }

Engine::Impl::Impl(engine::ModelFile model, const EngineOptions &engine_options)
    : file(std::move(model)), options(engine_options) {
    check_threads(options.threads);
    check_skin(options.skin);
    runner = make_runner(file, options);
    file.tensors.clear();
    for (const network::Head &head : network::heads(file.sizes)) {
        file.info.heads.emplace_back(head.values);
    }
    if (file.zbl) {
        zbl.emplace(file.info.atomic_numbers, file.zbl->inner, file.zbl->outer);
    }
}

Engine::Impl::~Impl() = default;

Engine::Engine(const std::string &path, const EngineOptions &options)
    : impl_(std::make_unique<Impl>(engine::ModelFile::from_path(path), options)) {}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::Engine(Engine &&) noexcept = default;
Engine &Engine::operator=(Engine &&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::from_bytes(std::string_view bytes, const EngineOptions &options, const std::string &name) {
    return Engine(std::make_unique<Impl>(engine::ModelFile::from_bytes(bytes, name), options));
}

Engine Engine::from_model(engine::ModelFile model, const EngineOptions &options) {
    return Engine(std::make_unique<Impl>(std::move(model), options));
}

const ModelInfo &Engine::model() const { return impl_->file.info; }
Precision Engine::precision() const { return impl_->options.precision; }
std::string_view Engine::level() const { return impl_->runner->level(); }
int Engine::threads() const { return impl_->options.threads; }

void Engine::set_threads(int threads) {
    check_threads(threads);
    impl_->options.threads = threads;
}

std::int32_t Engine::species_of(int atomic_number) const {
    const ModelInfo &info = impl_->file.info;
    std::string known;
    for (std::size_t k = 0; k < info.species.size(); ++k) {
        if (info.atomic_numbers[k] == atomic_number) {
            return static_cast<std::int32_t>(k);
        }
        known += (k ? ", " : "") + info.species[k];
    }
    throw Error("the model does not know the element with atomic number " + std::to_string(atomic_number) +
                "; it was made for " + known);
}

Result Engine::energy_forces_virial(const EdgeList &edges, const ComputeOptions &options) {
    Impl &self = *impl_;
    if (edges.n_foreign > 0 && !options.exchange) {
        throw Error("atoms of other processes need an exchange, ComputeOptions::exchange");
    }
    engine::Totals &totals = self.totals;
    within_memory(edges.n_atoms, [&] {
        self.graph.build(edges, self.file.sizes.cutoff, self.file.sizes.n_species);
        self.runner->run(self.graph, edges.species, self.file.energy_shift, engine::team_of(self.options.threads),
                         options, edges.n_edges, totals);
    });
    if (self.zbl) {
        self.zbl->add(edges, options, totals);
    }
    const std::span<const double> values = totals.head_values;
    return {totals.energy,
            values.first(static_cast<std::size_t>(edges.n_atoms)),
            totals.forces,
            totals.virial,
            totals.edge_gradients,
            totals.edge_moments,
            values};
}

std::ptrdiff_t Engine::exchange_size() const { return impl_->runner->exchange_size(); }

std::size_t Engine::memory() const { return impl_->runner->memory() + impl_->graph.memory(); }

bool threads_lost_by_fork() { return engine::team_lost_by_fork(); }

std::vector<std::string> simd_levels() { return engine::available_levels(); }

} // namespace tlmlp
