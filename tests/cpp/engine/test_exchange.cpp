// A system spread over domains, each with an engine and a thread of its own: together they must give what one engine
// gives for the whole, with any ownership, and no matter whether images of a foreign atom are one atom or several.
#include <barrier>
#include <map>
#include <thread>

#include "reference.h"
#include "check.h"

namespace {

using tlmlp::Engine;
using tlmlp::Precision;

/// What one domain computes.
struct Domain {
    System system;
    std::int64_t n_foreign = 0;
    std::vector<int> owner_domain, owner_atom; ///< of each foreign atom
    std::vector<int> global;                   ///< of each atom
    std::vector<std::size_t> edge;             ///< index in the whole system of each edge
    double energy = 0.0;
    std::vector<double> energies, forces, virial, gradients, moments;
};

/// Copies between the arrays of all domains, in step.
class Channel {
  public:
    explicit Channel(std::vector<Domain> &domains)
        : domains_(domains), rows_(domains.size()), step_(static_cast<std::ptrdiff_t>(domains.size())) {}

    void forward(int me, const tlmlp::AtomRows &rows) {
        meet(me, rows);
        visit<true>(me);
        step_.arrive_and_wait();
    }

    void reverse(int me, const tlmlp::AtomRows &rows) {
        meet(me, rows);
        for (int from = 0; from < static_cast<int>(domains_.size()); ++from) {
            if (from == me) {
                visit<false>(me); // one domain after the other, since several add to one row
            }
            step_.arrive_and_wait();
        }
    }

  private:
    void meet(int me, const tlmlp::AtomRows &rows) {
        rows_[me] = rows;
        step_.arrive_and_wait();
    }

    template <bool down> void visit(int me) {
        rows_[me].float64 ? visit_as<down, double>(me) : visit_as<down, float>(me);
    }

    template <bool down, class T> void visit_as(int me) {
        const Domain &d = domains_[me];
        const std::ptrdiff_t size = rows_[me].size, first = d.system.n_atoms - d.n_foreign;
        for (std::ptrdiff_t k = 0; k < d.n_foreign; ++k) {
            T *here = static_cast<T *>(rows_[me].data) + (first + k) * size;
            T *there = static_cast<T *>(rows_[d.owner_domain[k]].data) + d.owner_atom[k] * size;
            if (!down) {
                rows_[d.owner_domain[k]].touched[d.owner_atom[k]] = 1;
            }
            for (std::ptrdiff_t c = 0; c < size; ++c) {
                if constexpr (down) {
                    here[c] = there[c];
                } else {
                    there[c] += here[c];
                }
            }
        }
    }

    std::vector<Domain> &domains_;
    std::vector<tlmlp::AtomRows> rows_;
    std::barrier<> step_;
};

struct Port : tlmlp::Exchange {
    Port(Channel &shared, int index) : channel(shared), me(index) {}
    void forward(const tlmlp::AtomRows &rows) override { channel.forward(me, rows); }
    void reverse(const tlmlp::AtomRows &rows) override { channel.reverse(me, rows); }
    Channel &channel;
    int me;
};

/// `fold`: all images of a foreign atom are one atom, else every edge to a foreign atom gets an atom of its own.
std::vector<Domain> split(const System &whole, const std::vector<int> &domain_of, int n_domains, bool fold) {
    std::vector<Domain> domains(n_domains);
    std::vector<int> local(whole.n_atoms);
    for (int i = 0; i < whole.n_atoms; ++i) {
        Domain &d = domains[domain_of[i]];
        local[i] = d.system.n_atoms++;
        d.global.push_back(i);
        d.system.species.push_back(whole.species[i]);
    }
    for (int k = 0; k < n_domains; ++k) {
        Domain &d = domains[k];
        std::map<int, int> known;
        const auto add = [&](int j) {
            d.system.species.push_back(whole.species[j]);
            d.owner_domain.push_back(domain_of[j]);
            d.owner_atom.push_back(local[j]);
            d.global.push_back(j);
            ++d.n_foreign;
            return d.system.n_atoms++;
        };
        const auto push = [&](int j, int i, const double *v, double sign, std::size_t e) {
            d.system.source.push_back(j);
            d.system.target.push_back(i);
            for (int c = 0; c < 3; ++c) {
                d.system.vector.push_back(sign * v[c]);
            }
            d.edge.push_back(e);
        };
        // Edges j -> i with i here; those to foreign j with their reverses, as a host with ghosts makes them.
        for (std::size_t e = 0; e < whole.source.size(); ++e) {
            const int i = static_cast<int>(whole.target[e]), j = static_cast<int>(whole.source[e]);
            const double *v = &whole.vector[3 * e];
            if (domain_of[i] != k) {
                continue;
            }
            if (domain_of[j] == k) {
                push(local[j], local[i], v, 1.0, e);
                continue;
            }
            if (!fold || !known.count(j)) {
                known[j] = add(j);
            }
            std::size_t back = 0;
            double best = 1e9;
            for (std::size_t f = 0; f < whole.source.size(); ++f) {
                const double *w = &whole.vector[3 * f];
                const double off = std::abs(v[0] + w[0]) + std::abs(v[1] + w[1]) + std::abs(v[2] + w[2]);
                if (whole.source[f] == i && whole.target[f] == j && off < best) {
                    best = off;
                    back = f;
                }
            }
            push(known[j], local[i], v, 1.0, e);
            push(local[i], known[j], v, -1.0, back);
        }
    }
    return domains;
}

void run(std::vector<Domain> &domains, const std::string &bytes, Precision precision, const std::string &level,
         int threads) {
    Channel channel(domains);
    std::vector<std::thread> workers;
    for (int k = 0; k < static_cast<int>(domains.size()); ++k) {
        workers.emplace_back([&, k] {
            Domain &d = domains[k];
            Engine engine = Engine::from_bytes(bytes, {precision, threads, level});
            Port port(channel, k);
            tlmlp::EdgeList edges = d.system.edges();
            edges.n_foreign = d.n_foreign;
            for (int again = 0; again < 2; ++again) { // the second time on used arrays
                const auto result = engine.energy_forces_virial(edges, {true, true, &port, true});
                d.energy = result.energy;
                d.energies.assign(result.atomic_energies.begin(), result.atomic_energies.end());
                d.forces.assign(result.forces.begin(), result.forces.end());
                d.virial.assign(result.virial.begin(), result.virial.end());
                d.gradients.assign(result.edge_gradients.begin(), result.edge_gradients.end());
                d.moments.assign(result.edge_moments.begin(), result.edge_moments.end());
            }
        });
    }
    for (std::thread &worker : workers) {
        worker.join();
    }
}

void compare(const std::string &bytes, const System &whole, const std::vector<int> &domain_of, int n_domains, bool fold,
             Precision precision, const std::string &level, int threads, const std::string &what) {
    Engine engine = Engine::from_bytes(bytes, {precision, 1, level});
    const auto expected = engine.energy_forces_virial(whole.edges(), {true, true, nullptr, true});
    std::vector<Domain> domains = split(whole, domain_of, n_domains, fold);
    run(domains, bytes, precision, level, threads);

    double energy = 0.0;
    std::vector<double> energies(whole.n_atoms), forces(3 * whole.n_atoms), virial(9), gradients(whole.vector.size());
    std::vector<double> moments(9 * whole.source.size());
    for (const Domain &d : domains) {
        energy += d.energy;
        for (std::size_t a = 0; a < d.energies.size(); ++a) {
            energies[d.global[a]] += d.energies[a];
            for (int c = 0; c < 3; ++c) {
                forces[3 * d.global[a] + c] += d.forces[3 * a + c];
            }
        }
        for (int c = 0; c < 9; ++c) {
            virial[c] += d.virial[c];
        }
        for (std::size_t e = 0; e < d.edge.size(); ++e) {
            for (int c = 0; c < 3; ++c) {
                gradients[3 * d.edge[e] + c] += d.gradients[3 * e + c];
            }
            for (int c = 0; c < 9; ++c) {
                moments[9 * d.edge[e] + c] += d.moments[9 * e + c];
            }
        }
    }
    // Rounding as between the instruction levels on such random weights.
    const double relative = precision == Precision::float64 ? 1e-11 : 5e-5;
    const auto same = [&](auto &&got, auto &&wanted, const std::string &name) {
        double largest = 1e-3, worst = 0.0;
        for (std::size_t k = 0; k < got.size(); ++k) {
            largest = std::max(largest, std::abs(wanted[k]));
            worst = std::max(worst, std::abs(got[k] - wanted[k]));
        }
        CHECK_CLOSE(worst, 0.0, relative * largest, name, ", ", what, ", ", std::string(engine.level()));
    };
    same(std::vector<double>{energy}, std::vector<double>{expected.energy}, "energy");
    same(energies, expected.atomic_energies, "energies per atom");
    same(forces, expected.forces, "forces");
    same(virial, expected.virial, "virial");
    same(gradients, expected.edge_gradients, "derivatives per edge");
    same(moments, expected.edge_moments, "moments per edge");
}

System periodic_box(const ModelSizes &sizes, int n, double box) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> noise(0.0, 0.25);
    std::vector<double> positions;
    const int side = static_cast<int>(std::ceil(std::cbrt(n)));
    for (int k = 0; k < n; ++k) {
        for (const int cell : {k % side, k / side % side, k / side / side}) {
            positions.push_back(cell * box / side + noise(random));
        }
    }
    return make_system(positions, {box, 0, 0, 0.3 * box, box, 0, 0, 0, box}, true, sizes.cutoff, sizes.n_species, 2);
}

/// A box that is narrower than two cutoffs, so that there are images of foreign atoms.
struct Box {
    const ModelSizes sizes = usual_sizes();
    const std::string bytes = model_bytes(sizes, random_weights(sizes, 21));
    const System system = periodic_box(sizes, 27, 8.0);
};

/// Atoms in turn: which of two domains each is in.
std::vector<int> slabs(int n_atoms) {
    std::vector<int> domain_of(n_atoms);
    for (int i = 0; i < n_atoms; ++i) {
        domain_of[i] = i % 3 == 0;
    }
    return domain_of;
}

TEST_CASE_FIXTURE(Box, "two domains give what one engine gives") {
    for (const std::string &level : tlmlp::simd_levels()) {
        for (const Precision precision : {Precision::float64, Precision::float32}) {
            compare(bytes, system, slabs(system.n_atoms), 2, true, precision, level, 1, "two domains");
        }
    }
}

TEST_CASE_FIXTURE(Box, "mixed domains with images apart, one domain empty") {
    std::vector<int> mixed(system.n_atoms);
    for (int i = 0; i < system.n_atoms; ++i) {
        mixed[i] = (7 * i + i * i / 3) % 3;
    }
    for (const std::string &level : tlmlp::simd_levels()) {
        for (const Precision precision : {Precision::float64, Precision::float32}) {
            compare(bytes, system, mixed, 4, false, precision, level, 2, "mixed");
        }
    }
}

TEST_CASE("networks of other sizes over two domains") {
    for (ModelSizes sizes : {odd_sizes(), usual_sizes(2)}) {
        for (const int blocks : {0, 1, sizes.n_blocks}) {
            sizes.n_blocks = blocks;
            const System system = periodic_box(sizes, 20, 7.0);
            compare(model_bytes(sizes, random_weights(sizes, 22)), system, slabs(system.n_atoms), 2, false,
                    Precision::float64, "", 1, std::to_string(blocks) + " blocks");
        }
    }
}

TEST_CASE_FIXTURE(Box, "an exchange is asked for, and edges belong to a domain") {
    Engine engine = Engine::from_bytes(bytes);
    tlmlp::EdgeList edges = system.edges();
    edges.n_foreign = 2;
    CHECK_ERROR(engine.energy_forces_virial(edges), "need an exchange", tlmlp::Error);
    std::vector<Domain> nobody;
    Channel channel(nobody);
    Port port(channel, 0);
    CHECK_ERROR((engine.energy_forces_virial(edges, {true, false, &port})), "belongs to another process", tlmlp::Error);
    edges.n_foreign = system.n_atoms + 1;
    CHECK_ERROR((engine.energy_forces_virial(edges, {true, false, &port})), "wrong counts", tlmlp::Error);
}

} // namespace
