#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openmm/internal/ContextImpl.h>
#include <openmm/internal/CustomCPPForceImpl.h>

#include "tlmlp/engine.h"
#include "tlmlp/openmm/TLMLPForce.h"

namespace tlmlp {

/// A TLMLPForce in one Context: an engine, and the way of positions there and of forces back.
class TLMLPForceImpl : public OpenMM::CustomCPPForceImpl {
  public:
    explicit TLMLPForceImpl(const TLMLPForce &owner) : CustomCPPForceImpl(owner), owner_(owner) {}

    const OpenMM::Force &getOwner() const override { return owner_; }
    void initialize(OpenMM::ContextImpl &context) override;
    double calcForcesAndEnergy(OpenMM::ContextImpl &context, bool forces, bool energy, int groups) override;
    double computeForce(OpenMM::ContextImpl &context, const std::vector<OpenMM::Vec3> &positions,
                        std::vector<OpenMM::Vec3> &forces) override;
    std::map<std::string, double> getDefaultParameters();

    TLMLPForce::Statistics statistics() const;

  private:
    void read_atoms(int n_particles);
    int thread_count(OpenMM::ContextImpl &context) const;
    Result evaluate(OpenMM::ContextImpl &context);
    void warn_of(const Pair &pair);

    const TLMLPForce &owner_;
    std::optional<Engine> engine_;
    std::vector<int> particles_; ///< particle of each atom
    std::vector<std::int32_t> species_;
    std::vector<double> positions_; ///< [atom][3], Angstrom
    bool all_particles_ = false;    ///< the atoms are the particles, in order
    bool may_warn_ = true;          ///< of close pairs: asked to, the model says from where on, and not done yet
    bool wants_forces_ = true;      ///< of the evaluation that OpenMM asks for now
    bool has_derivatives_ = false;  ///< the platform takes energy derivatives by parameters from this force
    TLMLPForce::Statistics statistics_;
};

} // namespace tlmlp
