#include "TLMLPForceImpl.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

#include <openmm/OpenMMException.h>
#include <openmm/System.h>
#include <openmm/reference/ReferencePlatform.h>

#include "cuda/install.h"

namespace tlmlp {

using OpenMM::ContextImpl;
using OpenMM::OpenMMException;
using OpenMM::ReferencePlatform;
using OpenMM::Vec3;

namespace {

constexpr double angstrom_per_nm = 10.0;
/// 1 eV per particle in kJ/mol: e N_A, CODATA 2018.
constexpr double kj_per_mol_per_ev = 1.602176634e-19 * 6.02214076e23 * 1e-3;

/// Runs the call; errors of the engine become those of OpenMM.
template <class Call> auto translated(Call &&call) {
    try {
        return call();
    } catch (const Error &error) {
        throw OpenMMException(std::string("TLMLPForce: ") + error.what());
    }
}

} // namespace

void TLMLPForceImpl::initialize(ContextImpl &context) {
    CustomCPPForceImpl::initialize(context);
    EngineOptions options;
    options.precision = owner_.getPrecision() == "double" ? Precision::float64 : Precision::float32;
    options.threads = thread_count(context);
    options.skin = angstrom_per_nm * owner_.getSkin();
    options.device = owner_.getDevice();
    cuda::install();
    translated([&] {
        engine_.emplace(Engine::from_bytes(*owner_.getModel(), options, owner_.getModelName()));
        read_atoms(context.getSystem().getNumParticles());
    });
    may_warn_ = owner_.getWarnsOfClosePairs() && engine_->model().min_distance > 0.0;
    // The CPU platform builds on the Reference platform's data.
    const std::string &platform = context.getPlatform().getName();
    has_derivatives_ = platform == "Reference" || platform == "CPU";
}

void TLMLPForceImpl::read_atoms(int n_particles) {
    const auto &atoms = owner_.getAtoms();
    if (atoms.empty()) {
        if (engine_->model().species.size() != 1) {
            throw Error("the model has several species: name the element of each particle with addAtom");
        }
        particles_.resize(static_cast<std::size_t>(n_particles));
        std::iota(particles_.begin(), particles_.end(), 0);
        species_.assign(particles_.size(), 0);
    }
    std::vector<bool> taken(static_cast<std::size_t>(n_particles), false);
    for (const auto &[particle, number] : atoms) {
        if (particle < 0 || particle >= n_particles) {
            throw Error("there is no particle " + std::to_string(particle) + ", the System has " +
                        std::to_string(n_particles));
        }
        if (taken[static_cast<std::size_t>(particle)]) {
            throw Error("particle " + std::to_string(particle) + " was added twice");
        }
        taken[static_cast<std::size_t>(particle)] = true;
        particles_.push_back(particle);
        species_.push_back(engine_->species_of(number));
    }
    all_particles_ = particles_.size() == static_cast<std::size_t>(n_particles) &&
                     std::is_sorted(particles_.begin(), particles_.end());
    positions_.resize(3 * particles_.size());
}

int TLMLPForceImpl::thread_count(ContextImpl &context) const {
    if (owner_.getThreads() > 0) {
        return owner_.getThreads();
    }
    const OpenMM::Platform &platform = context.getPlatform();
    const auto &names = platform.getPropertyNames();
    if (std::find(names.begin(), names.end(), "Threads") == names.end()) {
        return 1;
    }
    return std::max(1, std::stoi(platform.getPropertyValue(context.getOwner(), "Threads")));
}

std::map<std::string, double> TLMLPForceImpl::getDefaultParameters() {
    if (owner_.getScaleParameter().empty()) {
        return {};
    }
    return {{owner_.getScaleParameter(), owner_.getScaleDefaultValue()}};
}

Result TLMLPForceImpl::evaluate(ContextImpl &context) {
    Structure structure;
    structure.n_atoms = static_cast<std::int64_t>(species_.size());
    structure.species = species_.data();
    structure.positions = positions_.data();
    if (owner_.usesPeriodicBoundaryConditions()) {
        Vec3 box[3];
        context.getPeriodicBoxVectors(box[0], box[1], box[2]);
        for (int row = 0; row < 3; ++row) {
            for (int k = 0; k < 3; ++k) {
                structure.cell[3 * row + k] = angstrom_per_nm * box[row][k];
            }
        }
        structure.pbc = {true, true, true};
    }
    ComputeOptions wanted;
    wanted.forces = wants_forces_;
    wanted.closest_pair = may_warn_;
    const auto start = std::chrono::steady_clock::now();
    const Result result = translated([&] { return engine_->energy_forces_virial(structure, wanted); });
    statistics_.engineSeconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++statistics_.evaluations;
    statistics_.energiesAlone += !wants_forces_;
    if (may_warn_) {
        warn_of(result.closest_pair);
    }
    return result;
}

/// The sentence of tlmlp.data.closest; OpenMM has no log to put it in.
void TLMLPForceImpl::warn_of(const Pair &pair) {
    const double least = engine_->model().min_distance;
    if (pair.first < 0 || pair.distance >= least) {
        return;
    }
    may_warn_ = false;
    const auto [i, j] = std::minmax(particles_[static_cast<std::size_t>(pair.first)],
                                    particles_[static_cast<std::size_t>(pair.second)]);
    std::fprintf(
        stderr,
        "TLMLPForce: warning: atoms %d and %d are %.3f Å apart, closer than any pair in the training data of the "
        "model (%.3f Å)\n",
        i, j, pair.distance, least);
}

/// Integrators may ask for the energy alone, which needs no reverse pass; the platform's kernel does not pass that on.
double TLMLPForceImpl::calcForcesAndEnergy(ContextImpl &context, bool forces, bool energy, int groups) {
    wants_forces_ = forces;
    return CustomCPPForceImpl::calcForcesAndEnergy(context, forces, energy, groups);
}

double TLMLPForceImpl::computeForce(ContextImpl &context, const std::vector<Vec3> &positions,
                                    std::vector<Vec3> &forces) {
    for (std::size_t i = 0; i < particles_.size(); ++i) {
        const Vec3 &from = positions[static_cast<std::size_t>(particles_[i])];
        for (int k = 0; k < 3; ++k) {
            positions_[3 * i + k] = angstrom_per_nm * from[k];
        }
    }
    const Result result = evaluate(context);
    const double energy = kj_per_mol_per_ev * result.energy;
    double scale = 1.0;
    if (!owner_.getScaleParameter().empty()) {
        scale = context.getParameter(owner_.getScaleParameter());
        if (has_derivatives_) {
            auto *data = static_cast<ReferencePlatform::PlatformData *>(context.getPlatformData());
            (*data->energyParameterDerivatives)[owner_.getScaleParameter()] += energy;
        }
    }
    // The array comes with whatever was in it.
    if (!all_particles_ || !wants_forces_) {
        std::fill(forces.begin(), forces.end(), Vec3());
    }
    if (!wants_forces_) {
        return scale * energy;
    }
    const double unit = scale * kj_per_mol_per_ev * angstrom_per_nm;
    for (std::size_t i = 0; i < particles_.size(); ++i) {
        const double *f = &result.forces[3 * i];
        forces[static_cast<std::size_t>(particles_[i])] = Vec3(unit * f[0], unit * f[1], unit * f[2]);
    }
    return scale * energy;
}

TLMLPForce::Statistics TLMLPForceImpl::statistics() const {
    TLMLPForce::Statistics out = statistics_;
    if (engine_) {
        out.neighbourBuilds = engine_->neighbour_builds();
        out.neighbourSeconds = engine_->neighbour_seconds();
        out.engineSeconds -= out.neighbourSeconds;
    }
    return out;
}

} // namespace tlmlp
