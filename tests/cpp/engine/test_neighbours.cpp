// The neighbour list with a skin, along random walks of atoms and cell with jumps by lattice vectors: at every step its
// pairs within the cutoff are those of a brute-force search over images, and it is made anew rarely.
#include "neighbours.h"

#include <algorithm>
#include <limits>
#include <random>

#include "reference.h"
#include "check.h"

namespace {

using tlmlp::NeighbourFinder;
using tlmlp::Structure;
using Edge = std::array<double, 5>; // target, source, vector in steps of 1e-7 Angstrom

constexpr double cutoff = 4.3;

std::vector<Edge> near(const tlmlp::EdgeList &edges) {
    std::vector<Edge> out;
    for (std::int64_t e = 0; e < edges.n_edges; ++e) {
        const double *v = edges.vector + 3 * e;
        if (v[0] * v[0] + v[1] * v[1] + v[2] * v[2] < cutoff * cutoff) {
            out.push_back({double(edges.target[e]), double(edges.source[e]), std::round(1e7 * v[0]),
                           std::round(1e7 * v[1]), std::round(1e7 * v[2])});
        }
    }
    // By index and, since equal vectors may round apart, by coarse vector: images are Angstroms apart.
    std::sort(out.begin(), out.end(), [](const Edge &a, const Edge &b) {
        for (int k = 0; k < 5; ++k) {
            const double difference = a[k] - b[k];
            if (std::abs(difference) > (k < 2 ? 0.0 : 1e3)) {
                return difference < 0.0;
            }
        }
        return false;
    });
    return out;
}

bool same(const std::vector<Edge> &a, const std::vector<Edge> &b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const Edge &x, const Edge &y) {
               return x[0] == y[0] && x[1] == y[1] && std::abs(x[2] - y[2]) < 10 && std::abs(x[3] - y[3]) < 10 &&
                      std::abs(x[4] - y[4]) < 10;
           });
}

struct Walk {
    std::vector<double> positions;
    std::array<double, 9> cell;
    std::array<bool, 3> pbc;
    double move = 0.003, deform = 0.0; ///< per step: Angstrom, and strain
    bool jump = false;
    double shrink = 0.0; ///< strain per step, besides
};

/// Steps along the walk; the number of lists made.
std::int64_t follow(Walk walk, const std::string &what, int steps) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    NeighbourFinder finder;
    const std::size_t n = walk.positions.size() / 3;
    const std::vector<std::int32_t> species(n, 0);
    for (int step = 0; step < steps; ++step) {
        for (double &x : walk.positions) {
            x += walk.move * normal(random);
        }
        if (walk.deform > 0.0) { // atoms follow the cell, as under a barostat
            double f[9];
            for (int k = 0; k < 9; ++k) {
                f[k] = (k % 4 == 0 ? 1.0 - walk.shrink : 0.0) + walk.deform * normal(random);
            }
            const auto apply = [&](double *v) {
                const double old[3] = {v[0], v[1], v[2]};
                for (int k = 0; k < 3; ++k) {
                    v[k] = old[0] * f[k] + old[1] * f[3 + k] + old[2] * f[6 + k];
                }
            };
            for (std::size_t i = 0; i < n; ++i) {
                apply(&walk.positions[3 * i]);
            }
            for (int row = 0; row < 3; ++row) {
                apply(&walk.cell[3 * row]);
            }
        }
        std::vector<double> seen = walk.positions;
        for (std::size_t i = 0; walk.jump && i < n; ++i) {
            for (int row = 0; row < 3; ++row) {
                const int lattice = walk.pbc[row] ? int(random() % 7) - 3 : 0;
                for (int k = 0; k < 3; ++k) {
                    seen[3 * i + k] += lattice * walk.cell[3 * row + k];
                }
            }
        }
        std::vector<double> far(walk.cell.begin(), walk.cell.end());
        for (int row = 0; row < 3; ++row) {
            for (int k = 0; k < 3 && !walk.pbc[row]; ++k) {
                far[3 * row + k] = row == k ? 1000.0 : 0.0;
            }
        }
        const System expected = make_system(walk.positions, far, true, cutoff, 1, 4);
        const Structure structure{static_cast<std::int64_t>(n), species.data(), seen.data(), walk.cell, walk.pbc};
        const std::vector<Edge> edges = near(finder.find(structure, cutoff, 0.6, 1));
        const bool right = same(edges, near(expected.edges()));
        CHECK_MESSAGE(right, what, ", step ", step, ": ", edges.size(), " edges, expected ", expected.source.size());
        if (!right) {
            break;
        }
    }
    return finder.builds();
}

void expect_few(std::int64_t builds, int steps, const std::string &what) {
    CHECK_MESSAGE(builds >= 1, what);
    CHECK_MESSAGE(builds <= steps / 5, what);
}

TEST_CASE("walks of atoms and cell") {
    const std::vector<double> four = {0, 0, 0, 1.4, 1.3, 1.5, 2.6, 2.8, 0.1, 3.1, 0.2, 2.7};
    const std::array<double, 9> skewed = {4.1, 0.2, 0, 2.5, 4.0, 0.1, -1.9, 0.6, 4.3};
    const std::array<bool, 3> all = {true, true, true}, slab = {true, false, true}, none = {false, false, false};
    const int steps = 150;
    expect_few(follow({four, skewed, all}, "atoms", steps), steps, "atoms");
    expect_few(follow({four, skewed, none}, "open", steps), steps, "open");
    expect_few(follow({four, skewed, all, 0.003, 0.0, true}, "jumps", steps), steps, "jumps");
    expect_few(follow({four, skewed, slab, 0.003, 0.0, true}, "slab", steps), steps, "slab");
    expect_few(follow({four, skewed, all, 0.001, 0.0007, true}, "cell", steps), steps, "cell");
    // One atom alone with its images: what moves an edge is the cell, many cells away.
    const std::array<double, 9> primitive = {2.9, 0, 0, 0.4, 3.1, 0, 0.1, -0.3, 3.0};
    expect_few(follow({{0.3, 0.1, 0.2}, primitive, all, 0.0, 0.0007, false, 0.0015}, "one atom", steps), steps,
               "one atom");
}

/// Two atoms fly at each other from beyond cutoff + skin: the pair is there at the step at which it comes within reach.
TEST_CASE("two atoms fly at each other") {
    NeighbourFinder finder;
    const std::vector<std::int32_t> species(2, 0);
    for (double half = 2.6; half > 1.5; half -= 0.01) {
        const std::vector<double> x = {0, 0, -half, 0, 0, half};
        const Structure structure{2, species.data(), x.data(), {}, {false, false, false}};
        const std::size_t edges = near(finder.find(structure, cutoff, 0.6, 1)).size();
        CHECK_MESSAGE(edges == (2.0 * half < cutoff ? 2u : 0u), "at ", 2.0 * half, " Angstrom");
    }
    CHECK_MESSAGE(finder.builds() < 8, "how often the list was made");
}

TEST_CASE("changes of the system") {
    NeighbourFinder finder;
    std::vector<double> x = {0, 0, 0, 0, 0, 2.5};
    const std::vector<std::int32_t> species(3, 0);
    Structure structure{2, species.data(), x.data(), {20, 0, 0, 0, 20, 0, 0, 0, 20}, {true, true, true}};
    CHECK_MESSAGE(finder.find(structure, cutoff, 0.5, 1).n_edges == 2, "two atoms");
    x.insert(x.end(), {0, 2.5, 0});
    structure.n_atoms = 3;
    structure.positions = x.data();
    CHECK_MESSAGE(finder.find(structure, cutoff, 0.5, 1).n_edges == 6, "an atom more");
    structure.pbc = {false, false, false};
    structure.cell = {};
    CHECK_MESSAGE(finder.find(structure, cutoff, 0.5, 1).n_edges == 6, "open boundaries");
    const std::int64_t before = finder.builds();
    x[2] = std::numeric_limits<double>::quiet_NaN();
    CHECK_ERROR(finder.find(structure, cutoff, 0.5, 1), "atom 0 is not finite", tlmlp::Error);
    x[2] = 0.0;
    CHECK_MESSAGE(finder.find(structure, cutoff, 0.5, 1).n_edges == 6, "after an error");
    CHECK_MESSAGE(finder.builds() == before + 1, "after an error");
    finder.find(structure, cutoff, 0.5, 1);
    CHECK_MESSAGE(finder.builds() == before + 1, "nothing changed");
    finder.find(structure, cutoff, 0.0, 1);
    finder.find(structure, cutoff, 0.0, 1);
    CHECK_MESSAGE(finder.builds() == before + 3, "without skin");
}

/// More atoms than are searched pair by pair: the list by cells holds the same pairs as the search of all.
TEST_CASE("both searches find the same pairs") {
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> anywhere(-0.7, 1.9);
    const std::array<double, 9> cell = {24.0, 0, 0, 5.0, 22.0, 0, -7.0, 4.0, 23.0};
    const std::array<bool, 3> all = {true, true, true};
    const std::size_t n = tlmlp::few_atoms + 100;
    std::vector<double> x;
    for (std::size_t i = 0; i < n; ++i) {
        const double u[3] = {anywhere(random), anywhere(random), anywhere(random)};
        for (int k = 0; k < 3; ++k) {
            x.push_back(u[0] * cell[k] + u[1] * cell[3 + k] + u[2] * cell[6 + k]);
        }
    }
    const std::vector<std::int32_t> species(n, 0);
    NeighbourFinder finder;
    const Structure structure{static_cast<std::int64_t>(n), species.data(), x.data(), cell, all};
    const std::vector<Edge> by_cells = near(finder.find(structure, cutoff, 0.5, 1));

    // The inverse of a lower triangular matrix.
    const double a = 1.0 / cell[0], b = 1.0 / cell[4], c = 1.0 / cell[8];
    const std::array<double, 9> inverse = {
        a, 0, 0, -a * cell[3] * b, b, 0, a * c * (cell[3] * cell[7] * b - cell[6]), -b * cell[7] * c, c};
    tlmlp::PairList pairs;
    tlmlp::find_all_pairs(structure.n_atoms, x.data(), cell, inverse, all, cutoff + 0.5, pairs);
    std::vector<double> vectors;
    for (std::size_t e = 0; e < pairs.source.size(); ++e) {
        for (int k = 0; k < 3; ++k) {
            const std::int32_t *s = &pairs.shift[3 * e];
            vectors.push_back(x[3 * pairs.source[e] + k] - x[3 * pairs.target[e] + k] + s[0] * cell[k] +
                              s[1] * cell[3 + k] + s[2] * cell[6 + k]);
        }
    }
    tlmlp::EdgeList edges;
    edges.n_atoms = structure.n_atoms;
    edges.n_edges = static_cast<std::int64_t>(pairs.source.size());
    edges.source = pairs.source.data();
    edges.target = pairs.target.data();
    edges.vector = vectors.data();
    CHECK(by_cells.size() > 5 * n);
    CHECK(same(by_cells, near(edges)));

    const std::vector<double> beyond = {0, 0, 0, 3e10, 0, 0};
    CHECK_ERROR(tlmlp::find_all_pairs(2, beyond.data(), cell, inverse, all, 5.0, pairs),
                "atom 1 is more than 1e9 cells away", tlmlp::Error);
}

} // namespace
