#include "cuda/replicas.h"

#include <algorithm>
#include <cmath>

#include "cell.h"
#include "cuda/kernels/motion.h"
#include "cuda/evaluator.h"
#include "cuda/make_device.h"

namespace tlmlp::cuda {

class Replicas::Impl {
  public:
    virtual ~Impl() = default;
    virtual void run(std::int64_t steps) = 0;
    virtual ReplicaState state() = 0;
    virtual const std::vector<std::int64_t> &lost() const = 0;
    virtual std::int64_t edges() const = 0;
};

namespace {

constexpr std::int64_t steps_at_once = 200; // between two looks at whether the lists had room
constexpr int max_images = 500;

/// Inverse, and how many images of the nearest one are in reach of the cutoff.
Matrix invert(const Matrix &h, const std::int32_t *periodic, double cutoff, std::int64_t system, std::int32_t *images) {
    Matrix inverse;
    const double volume = dot(&h[0], cross(&h[3], &h[6]).data());
    for (int row = 0; row < 3; ++row) {
        const auto normal = cross(&h[3 * ((row + 1) % 3)], &h[3 * ((row + 2) % 3)]);
        const double width = std::abs(volume) / std::sqrt(dot(normal.data(), normal.data()));
        const double reach = periodic[row] ? cutoff / width + 0.5 + 1e-9 : 0.0;
        if (!(reach < max_images)) {
            throw Error("the cell of system " + std::to_string(system) + " must have a volume");
        }
        images[row] = static_cast<std::int32_t>(reach);
        for (int k = 0; k < 3; ++k) {
            inverse[3 * k + row] = normal[k] / volume; // fraction_row = d . normal / volume
        }
    }
    return inverse;
}

template <class T> class ReplicasOf final : public Replicas::Impl {
  public:
    ReplicasOf(const engine::ModelFile &file, std::unique_ptr<Device> device, const ReplicaSystems &systems,
               double time_step, double friction)
        : device_(std::move(device)), evaluator_(*device_, file), systems_(systems.first_atoms) {
        const std::int64_t n_systems = static_cast<std::int64_t>(systems.first_atoms.size()) - 1;
        motion_.systems = n_systems;
        motion_.atoms = systems.first_atoms.back();
        motion_.cutoff = file.sizes.cutoff;
        motion_.time_step = time_step;
        motion_.friction = friction;
        std::vector<std::int32_t> system_of, first, images(3 * static_cast<std::size_t>(n_systems));
        std::vector<double> cells, inverses;
        for (std::int64_t s = 0; s < n_systems; ++s) {
            Matrix cell;
            std::copy_n(&systems.cells[9 * s], 9, cell.begin());
            const std::int32_t *pbc = &systems.periodic[3 * s];
            const Matrix h = complete_cell(cell, {pbc[0] != 0, pbc[1] != 0, pbc[2] != 0});
            const Matrix inverse = invert(h, &systems.periodic[3 * s], motion_.cutoff, s, &images[3 * s]);
            cells.insert(cells.end(), h.begin(), h.end());
            inverse_cells_.push_back(inverse);
            inverses.insert(inverses.end(), inverse.begin(), inverse.end());
            system_of.insert(system_of.end(), systems.first_atoms[s + 1] - systems.first_atoms[s],
                             static_cast<std::int32_t>(s));
        }
        first.assign(systems.first_atoms.begin(), systems.first_atoms.end());
        motion_.system = put(system_of);
        motion_.first_atom = put(first);
        motion_.cell = put(cells);
        motion_.inverse_cell = put(inverses);
        motion_.periodic = put(systems.periodic);
        motion_.images = put(images);
        images_ = images;
        periodic_ = systems.periodic;
        lost_.assign(static_cast<std::size_t>(n_systems), -1);
        motion_.mass = put(systems.masses);
        motion_.temperature = put(systems.temperatures);
        motion_.seed = put(systems.seeds);
        motion_.positions = put(systems.positions);
        motion_.velocities = put(systems.velocities);
        motion_.counts = put(std::vector<std::int32_t>(system_of.size()));
        motion_.offsets = put(std::vector<std::int32_t>(system_of.size() + 1));
        motion_.n_edges = put(std::vector<std::int32_t>(1));
        motion_.wanted = put(std::vector<std::int32_t>(1));
        motion_.step = put(std::vector<std::int64_t>(1));
        motion_.species = species_ = put(systems.species);
        if (file.zbl) {
            std::vector<math::ZblPair> pairs;
            for (const int i : file.info.atomic_numbers) {
                for (const int j : file.info.atomic_numbers) {
                    pairs.push_back(math::zbl_pair(i, j, file.zbl->inner, file.zbl->outer));
                }
            }
            motion_.n_species = static_cast<std::int32_t>(file.info.atomic_numbers.size());
            motion_.pairs = put(pairs);
            motion_.repulsion = put(std::vector<double>(system_of.size()));
        }
        saved_positions_ = put(systems.positions);
        saved_velocities_ = put(systems.velocities);
        for (int k = 0; k < 5; ++k) {
            edge_arrays_.emplace_back(*device_);
        }
        make_room(0);
        device_->launch(MotionKernel::count, motion_);
        device_->launch(MotionKernel::scan, motion_);
        make_room(wanted() + wanted() / 4);
        find_forces();
    }
    ~ReplicasOf() override { device_->drop(recording_); }

    void run(std::int64_t steps) override {
        while (steps > 0) {
            const std::int64_t now = std::min(steps, steps_at_once);
            device_->copy(saved_positions_, motion_.positions, coordinate_bytes());
            device_->copy(saved_velocities_, motion_.velocities, coordinate_bytes());
            const std::int64_t before = done_;
            for (std::int64_t k = 0; k < now; ++k) {
                step();
            }
            if (wanted() > motion_.capacity) { // some list was cut off: make room and repeat from where it was whole
                device_->copy(motion_.positions, saved_positions_, coordinate_bytes());
                device_->copy(motion_.velocities, saved_velocities_, coordinate_bytes());
                device_->upload(motion_.step, &before, sizeof(before));
                make_room(wanted() + wanted() / 4);
                find_forces();
                continue;
            }
            done_ += now;
            steps -= now;
            find_lost();
        }
    }

    ReplicaState state() override {
        const auto n = 3 * static_cast<std::size_t>(motion_.atoms);
        ReplicaState state{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
                           std::vector<double>(static_cast<std::size_t>(motion_.systems)), done_};
        fetch(state.positions, motion_.positions);
        fetch(state.velocities, motion_.velocities);
        fetch(state.forces, motion_.forces);
        fetch(state.energies, evaluator_.job().energy);
        return state;
    }

    const std::vector<std::int64_t> &lost() const override { return lost_; }

    std::int64_t edges() const override { return largest_; }

  private:
    std::size_t coordinate_bytes() const { return 3 * static_cast<std::size_t>(motion_.atoms) * sizeof(double); }

    template <class U> U *put(const std::vector<U> &values) {
        return memory_.emplace_back(*device_).assign(values.data(), values.size());
    }

    void fetch(std::vector<double> &to, const double *from) {
        if (!to.empty()) {
            device_->download(to.data(), from, to.size() * sizeof(double));
        }
    }

    std::int64_t wanted() {
        std::int32_t value = 0;
        device_->download(&value, motion_.wanted, sizeof(value));
        return largest_ = value;
    }

    /// Systems whose lists leave pairs out, see each_neighbour in kernels/lists.h.
    void find_lost() {
        std::vector<double> r(3 * static_cast<std::size_t>(motion_.atoms)), v(r.size());
        fetch(r, motion_.positions);
        fetch(v, motion_.velocities);
        for (std::size_t s = 0; s < lost_.size(); ++s) {
            for (std::int64_t i = systems_[s]; i < systems_[s + 1] && lost_[s] < 0; ++i) {
                if (!is_whole(s, &r[3 * systems_[s]], &r[3 * i], &v[3 * i])) {
                    lost_[s] = done_;
                }
            }
        }
    }

    /// Whether an atom has numbers, and is close enough to the first one for any two atoms to be in reach of an image.
    bool is_whole(std::size_t system, const double *first, const double *r, const double *v) const {
        const double d[3] = {r[0] - first[0], r[1] - first[1], r[2] - first[2]};
        for (int k = 0; k < 3; ++k) {
            const Matrix &inverse = inverse_cells_[system];
            const double fraction = d[0] * inverse[k] + d[1] * inverse[3 + k] + d[2] * inverse[6 + k];
            const int reach = (farthest_image - images_[3 * system + k]) / 2;
            if (!std::isfinite(v[k]) || !std::isfinite(fraction) ||
                (periodic_[3 * system + k] && std::abs(fraction) > reach)) {
                return false;
            }
        }
        return true;
    }

    void make_room(std::int64_t edges) {
        device_->drop(std::exchange(recording_, nullptr));
        warm_ = false;
        evaluator_.resize(systems_, edges);
        Job<T> &job = evaluator_.job();
        const auto n = static_cast<std::size_t>(job.capacity);
        motion_.capacity = job.capacity;
        motion_.forces = job.forces;
        motion_.energy = job.energy;
        job.species = species_;
        job.n_edges = motion_.n_edges;
        job.offsets = motion_.offsets;
        job.source = motion_.source = edge_arrays_[0].template resize<std::int32_t>(n);
        job.target = motion_.target = edge_arrays_[1].template resize<std::int32_t>(n);
        job.reverse = motion_.reverse = edge_arrays_[2].template resize<std::int32_t>(n);
        motion_.image = edge_arrays_[3].template resize<std::int32_t>(n);
        job.vector = motion_.vector = edge_arrays_[4].template resize<double>(3 * n);
    }

    void find_forces() {
        for (const MotionKernel kernel :
             {MotionKernel::count, MotionKernel::scan, MotionKernel::fill, MotionKernel::reverse}) {
            device_->launch(kernel, motion_);
        }
        evaluator_.launch(true);
        if (motion_.pairs) {
            device_->launch(MotionKernel::repel, motion_);
            device_->launch(MotionKernel::repelled, motion_);
        }
    }

    void launch_step() {
        device_->launch(MotionKernel::push, motion_);
        find_forces();
        device_->launch(MotionKernel::kick, motion_);
    }

    /// The first step as it is, all others from a recording where the device makes one.
    void step() {
        if (recording_) {
            device_->replay(recording_);
            return;
        }
        if (!warm_ || !device_->begin_recording()) {
            warm_ = true;
            launch_step();
            return;
        }
        launch_step();
        recording_ = device_->end_recording();
        device_->replay(recording_);
    }

    std::unique_ptr<Device> device_;
    Evaluator<T> evaluator_;
    std::vector<std::int64_t> systems_, lost_;
    std::vector<Matrix> inverse_cells_;
    std::vector<std::int32_t> images_, periodic_;
    Motion motion_;
    std::deque<Memory> memory_, edge_arrays_;
    std::int32_t *species_ = nullptr;
    double *saved_positions_ = nullptr, *saved_velocities_ = nullptr;
    std::int64_t done_ = 0, largest_ = 0;
    void *recording_ = nullptr;
    bool warm_ = false;
};

void check(const ReplicaSystems &systems, const engine::ModelFile &file, double time_step, double friction) {
    const auto atoms = static_cast<std::size_t>(systems.first_atoms.back());
    if (!(time_step > 0.0) || !(friction >= 0.0)) {
        throw Error("the time step must be positive and the friction not negative, got " + std::to_string(time_step) +
                    " fs and " + std::to_string(friction) + "/fs");
    }
    for (std::size_t i = 0; i < atoms; ++i) {
        if (systems.species[i] < 0 || systems.species[i] >= file.sizes.n_species) {
            throw Error("atom " + std::to_string(i) + " has species number " + std::to_string(systems.species[i]) +
                        ", the model has " + std::to_string(file.sizes.n_species) + " species");
        }
        if (!(systems.masses[i] > 0.0)) {
            throw Error("the mass of atom " + std::to_string(i) + " must be positive");
        }
        for (int k = 0; k < 3; ++k) {
            if (!std::isfinite(systems.positions[3 * i + k]) || !std::isfinite(systems.velocities[3 * i + k])) {
                throw Error("position or velocity of atom " + std::to_string(i) + " is not finite");
            }
        }
    }
}

} // namespace

Replicas::Replicas(const std::string &path, const EngineOptions &options, const ReplicaSystems &systems,
                   double time_step, double friction) {
    const engine::ModelFile file = engine::ModelFile::from_path(path);
    check(systems, file, time_step, friction);
    if (options.precision == Precision::float64) {
        impl_ = std::make_unique<ReplicasOf<double>>(file, make_device(options.device), systems, time_step, friction);
    } else {
        impl_ = std::make_unique<ReplicasOf<float>>(file, make_device(options.device), systems, time_step, friction);
    }
}

Replicas::~Replicas() = default;
void Replicas::run(std::int64_t steps) { impl_->run(steps); }
ReplicaState Replicas::state() const { return impl_->state(); }
const std::vector<std::int64_t> &Replicas::lost() const { return impl_->lost(); }
std::int64_t Replicas::edges() const { return impl_->edges(); }

} // namespace tlmlp::cuda
