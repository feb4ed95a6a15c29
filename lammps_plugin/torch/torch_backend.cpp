// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// The backend on libtorch: runs the exported TorchScript archive's forward_edges. Built as a library of its own that
// the plugin opens when a model is read (see open_torch_backend.cpp).

#include <torch/script.h>

#include <ATen/Parallel.h>
#include <caffe2/serialize/inline_container.h>

#include "../backend.h"
#include "tlmlp/archive.h"

#include <dlfcn.h>

#include <sstream>
#include <stdexcept>

namespace tlmlp_lammps {

namespace {

std::string first_line(const std::string &text)
{
  const auto start = text.find_first_not_of(" \n");
  if (start == std::string::npos) return "unknown reason";
  return text.substr(start, text.find('\n', start) - start);
}

/// The interpreter's messages start with a trace and end with the reason.
std::string last_line(const std::string &text)
{
  const auto end = text.find_last_not_of(" \n");
  if (end == std::string::npos) return "unknown reason";
  const auto start = text.rfind('\n', end);
  return text.substr(start + 1, end - start);
}

/// Compares every entry with its checksum: libtorch does not, and its interpreter trusts what it reads.
void check_entries(const ModelBytes &model)
{
  std::istringstream stream(model.content);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  for (const auto &entry : tlmlp::archive_entries(model.content, model.path)) {
    const auto [data, size] = reader.getRecord(entry.path.substr(entry.path.find('/') + 1));
    if (!entry.holds({static_cast<const char *>(data.get()), size}))
      throw std::runtime_error("it is damaged: the checksum of " + entry.path + " does not match");
  }
}

/// The compiled operators that an archive may call lie beside this library; the portable variant needs none. Returns
/// why they could not be loaded, or nothing.
std::string load_operators()
{
  Dl_info info{};
  const bool known = dladdr(reinterpret_cast<void *>(&load_operators), &info) != 0 && info.dli_fname;
  const std::string path = known ? info.dli_fname : "";
  if (dlopen((path.substr(0, path.rfind('/') + 1) + "libtlmlp_ops.so").c_str(), RTLD_NOW | RTLD_GLOBAL)) return "";
  return dlerror();
}

/// The profiling executor would specialise for the sizes of the first calls, which change at every step.
struct PlainExecution {
  torch::jit::GraphOptimizerEnabledGuard guard{false};
};

class TorchBackend : public Backend {
 public:
  TorchBackend(const ModelBytes &model, const Options &options) : double_precision_(options.double_precision)
  {
    info_ = tlmlp::read_model_info(model.content, model.path);
    try {
      check_entries(model);
      load(model.content);
    } catch (const c10::Error &problem) {
      fail(model.path, first_line(problem.what_without_backtrace()));
    } catch (const std::exception &problem) {
      fail(model.path, first_line(problem.what()));
    }
  }

  const std::vector<std::string> &species() const override { return info_.species; }
  double cutoff() const override { return info_.cutoff; }
  double min_distance() const override { return info_.min_distance; }
  std::string description() const override
  {
    return std::string("libtorch, ") + (double_precision_ ? "double" : "single") + " precision";
  }

  bool has_zbl() const override { return info_.zbl; }
  std::string sha256() const override { return info_.sha256; }
  int exchange_doubles() const override { return 0; }
  bool has_moments() const override { return false; }

  void compute(const Graph &graph, int threads, const Wanted &wanted, tlmlp::Exchange *, Result &result) override
  {
    try {
      run(graph, threads, result);
      add_up(graph, result);
      if (!wanted.edge_gradients) result.edge_gradients = nullptr;
    } catch (const c10::Error &problem) {
      throw std::runtime_error("libtorch: " + first_line(problem.what_without_backtrace()));
    } catch (const std::exception &problem) {
      throw std::runtime_error("libtorch: " + last_line(problem.what()));
    }
  }

 private:
  [[noreturn]] static void fail(const std::string &path, const std::string &reason)
  {
    throw std::runtime_error("cannot use the model file " + path + ": " + reason);
  }

  void load(const std::string &content)
  {
    const std::string no_operators = load_operators();
    std::istringstream stream(content);
    try {
      module_ = torch::jit::load(stream, at::kCPU);
    } catch (const std::exception &) {
      if (no_operators.empty()) throw;
      throw std::runtime_error("its operators cannot be loaded (" + no_operators +
                               "); build them or export --portable");
    }
    module_.eval();
    torch::NoGradGuard no_grad;
    for (auto parameter : module_.parameters())
      parameter.set_data(parameter.to(double_precision_ ? at::kDouble : at::kFloat));
  }

  void run(const Graph &graph, int threads, Result &result)
  {
    if (at::get_num_threads() != threads) at::set_num_threads(threads);
    const PlainExecution plain;
    const auto n_atoms = static_cast<std::int64_t>(graph.species.size());
    const auto n_edges = static_cast<std::int64_t>(graph.source.size());
    const auto wrap = [](const auto &values, std::initializer_list<std::int64_t> shape, at::ScalarType dtype) {
      void *data = const_cast<void *>(static_cast<const void *>(values.data()));
      return at::from_blob(data, shape, at::TensorOptions().dtype(dtype));
    };
    const at::Tensor species = wrap(graph.species, {n_atoms}, at::kInt).to(at::kLong);
    const at::Tensor edge_index =
        at::stack({wrap(graph.source, {n_edges}, at::kLong), wrap(graph.target, {n_edges}, at::kLong)});
    const at::Tensor edge_vector = wrap(graph.vectors, {n_edges, 3}, at::kDouble);
    const auto outputs = module_.get_method("forward_edges")({species, edge_index, edge_vector}).toTuple();
    result.energy = outputs->elements()[0].toTensor().item<double>();
    copy(outputs->elements()[1].toTensor(), 3 * n_edges, edge_gradients_);
    copy(outputs->elements()[2].toTensor(), n_atoms, atomic_energies_);
    result.edge_gradients = edge_gradients_.data();
    result.atomic_energies = atomic_energies_.data();
  }

  /// Forces and virial from the derivatives of the edges.
  void add_up(const Graph &graph, Result &result)
  {
    forces_.assign(3 * graph.species.size(), 0.0);
    result.virial.fill(0.0);
    for (std::size_t e = 0; e < graph.source.size(); ++e) {
      const double *g = &edge_gradients_[3 * e], *v = &graph.vectors[3 * e];
      for (int a = 0; a < 3; ++a) {
        forces_[3 * graph.target[e] + a] += g[a];
        forces_[3 * graph.source[e] + a] -= g[a];
        for (int b = 0; b < 3; ++b) result.virial[3 * a + b] -= g[a] * v[b];
      }
    }
    result.forces = forces_.data();
  }

  static void copy(const at::Tensor &values, std::int64_t count, std::vector<double> &out)
  {
    const at::Tensor flat = values.detach().to(at::kDouble).contiguous();
    if (flat.numel() != count) throw std::runtime_error("the model returned an array of a wrong size");
    out.assign(flat.data_ptr<double>(), flat.data_ptr<double>() + count);
  }

  bool double_precision_;
  tlmlp::ModelInfo info_;
  torch::jit::Module module_;
  std::vector<double> edge_gradients_, atomic_energies_, forces_;
};

} // namespace

} // namespace tlmlp_lammps

/// Called by open_torch_backend; the caller owns the object.
extern "C" tlmlp_lammps::Backend *tlmlp_lammps_torch_backend(const tlmlp_lammps::ModelBytes *model,
                                                             const tlmlp_lammps::Options *options)
{
  return new tlmlp_lammps::TorchBackend(*model, *options);
}
