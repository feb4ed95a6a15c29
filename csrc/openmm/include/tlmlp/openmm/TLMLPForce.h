#pragma once

/// A DimeNet++ potential as a force of OpenMM, on the engine, without torch.
///
///     OpenMM::System system;  ...
///     auto *force = new tlmlp::TLMLPForce("ge.pt");
///     for (int i = 0; i < n; ++i) force->addAtom(i, 32);
///     system.addForce(force);
///
/// Methods are named and units chosen as in OpenMM (nm, kJ/mol). From Python: tlmlp.openmm.native_force. Errors are
/// OpenMM::OpenMMException, one line each.

#include <memory>
#include <string>
#include <vector>

#include <openmm/Context.h>
#include <openmm/Force.h>

namespace tlmlp {

class __attribute__((visibility("default"))) TLMLPForce : public OpenMM::Force {
  public:
    struct Atom {
        int particle;     ///< index in the System
        int atomicNumber; ///< one that the model knows
    };

    /// What a Context has done with this force so far.
    struct Statistics {
        long long evaluations = 0;
        long long energiesAlone = 0; ///< of them without forces, which OpenMM did not ask for
        long long neighbourBuilds = 0;
        double engineSeconds = 0.0;    ///< spent inside the engine on energies and forces
        double neighbourSeconds = 0.0; ///< spent there on the neighbour list and the edge vectors
    };

    /// Reads a file written by `tlmlp export`.
    explicit TLMLPForce(const std::string &path);
    /// The same from the bytes of such a file, which it keeps; `name` stands for it in messages.
    TLMLPForce(std::shared_ptr<const std::string> model, const std::string &name);

    const std::string &getModelName() const { return modelName_; }
    const std::shared_ptr<const std::string> &getModel() const { return model_; }

    /// Lets the potential act on a particle. With none added, a model of one species acts on all particles.
    int addAtom(int particle, int atomicNumber);
    const std::vector<Atom> &getAtoms() const { return atoms_; }

    /// Periodic in all three box vectors, which may be triclinic and shorter than the cutoff (default), or in none.
    void setUsesPeriodicBoundaryConditions(bool periodic) { periodic_ = periodic; }
    bool usesPeriodicBoundaryConditions() const override { return periodic_; }

    /// Arithmetic of the network: "single" (default) or "double". Displacements and sums are in double in both.
    void setPrecision(const std::string &precision);
    const std::string &getPrecision() const { return precision_; }

    /// How far the neighbour list reaches beyond the cutoff, nm (default 0.05). 0 makes the list anew at every evaluation.
    void setSkin(double nanometers);
    double getSkin() const { return skin_; }

    /// Threads of the engine; 0 (default) takes those of the CPU platform, and one on other platforms.
    void setThreads(int threads);
    int getThreads() const { return threads_; }

    /// Where the engine runs: "cpu" (default), or "cuda", "cuda:N" in a build with CUDA, whatever OpenMM's platform is;
    /// "cuda-on-cpu" runs the GPU's kernels on the CPU, for tests.
    void setDevice(const std::string &device) { device_ = device; }
    const std::string &getDevice() const { return device_; }

    /// Whether a Context writes one line on the standard error when two atoms come closer than any pair in the
    /// model's training data (default).
    void setWarnsOfClosePairs(bool warns) { warns_ = warns; }
    bool getWarnsOfClosePairs() const { return warns_; }

    /// A global parameter of the Context that multiplies energy and forces; the Reference and CPU platforms give the
    /// derivative of the energy by it too. Empty (default): none.
    void setScaleParameter(const std::string &name, double defaultValue = 1.0);
    const std::string &getScaleParameter() const { return scaleName_; }
    double getScaleDefaultValue() const { return scaleDefault_; }

    Statistics getStatistics(OpenMM::Context &context) const;

  protected:
    OpenMM::ForceImpl *createImpl() const override;

  private:
    std::shared_ptr<const std::string> model_;
    std::string modelName_, precision_ = "single", device_ = "cpu", scaleName_;
    std::vector<Atom> atoms_;
    bool periodic_ = true, warns_ = true;
    double skin_ = 0.05, scaleDefault_ = 1.0;
    int threads_ = 0;
};

} // namespace tlmlp
