#include "neighbours.h"

#include <algorithm>
#include <cmath>
#include <compare>

#include "crowding.h"

namespace tlmlp {

namespace {

constexpr Matrix identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};

Matrix inverse_of(const Matrix &m) {
    const double d = 1.0 / determinant(m);
    const auto a = cross(&m[3], &m[6]), b = cross(&m[6], &m[0]), c = cross(&m[0], &m[3]);
    Matrix out{};
    for (std::size_t k = 0; k < 3; ++k) {
        out[3 * k] = a[k] * d;
        out[3 * k + 1] = b[k] * d;
        out[3 * k + 2] = c[k] * d;
    }
    return out;
}

/// out = row vector v times m.
inline void multiply(const double *v, const Matrix &m, double *out) {
    for (std::size_t k = 0; k < 3; ++k) {
        out[k] = v[0] * m[k] + v[1] * m[3 + k] + v[2] * m[6 + k];
    }
}

/// Bound on the largest singular value of m: 1 + |m - 1| in the Frobenius norm.
double stretch_of(const Matrix &m) {
    double sum = 0.0;
    for (std::size_t k = 0; k < 9; ++k) {
        sum += (m[k] - identity[k]) * (m[k] - identity[k]);
    }
    return 1.0 + std::sqrt(sum);
}

/// The cell with its open rows completed. Throws Error when a periodic one has no volume.
Matrix whole_cell(const Structure &structure) {
    const Matrix cell = complete_cell(structure.cell, structure.pbc);
    const double volume = determinant(cell);
    const bool periodic = structure.pbc[0] || structure.pbc[1] || structure.pbc[2];
    if (periodic && !(std::abs(volume) > 1e-6 && std::isfinite(volume))) {
        throw Error("the cell of a periodic structure must have a volume, got " + std::to_string(volume) +
                    " Angstrom^3");
    }
    return cell;
}

} // namespace

void sort_pairs(PairList &pairs) {
    const std::size_t n = pairs.source.size();
    struct Row {
        std::int64_t source;
        std::array<std::int32_t, 3> shift;
        auto operator<=>(const Row &) const = default;
    };
    std::vector<Row> rows;
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
        rows.clear();
        for (; end < n && pairs.target[end] == pairs.target[begin]; ++end) {
            const std::int32_t *s = &pairs.shift[3 * end];
            rows.push_back({pairs.source[end], {s[0], s[1], s[2]}});
        }
        std::sort(rows.begin(), rows.end());
        for (std::size_t k = 0; k < rows.size(); ++k) {
            pairs.source[begin + k] = rows[k].source;
            std::copy(rows[k].shift.begin(), rows[k].shift.end(), &pairs.shift[3 * (begin + k)]);
        }
    }
}

EdgeList NeighbourFinder::find(const Structure &structure, double cutoff, double skin, int threads) {
    EdgeList edges;
    edges.n_atoms = structure.n_atoms;
    edges.species = structure.species;
    if (structure.n_atoms == 0) {
        return edges;
    }
    if (!still_valid(structure, cutoff, skin)) {
        n_atoms_ = -1; // until the build has succeeded
        build(structure, cutoff, skin, threads);
        n_atoms_ = structure.n_atoms;
    }
    fill_vectors();
    edges.n_edges = static_cast<std::int64_t>(pairs_.source.size());
    edges.source = pairs_.source.data();
    edges.target = pairs_.target.data();
    edges.vector = vector_.data();
    return edges;
}

void NeighbourFinder::find_exact(const Structure &structure, double cutoff, double skin, PairList &pairs,
                                 std::vector<double> &vectors) {
    pairs.source.clear();
    pairs.target.clear();
    pairs.shift.clear();
    vectors.clear();
    // Slightly more than the cutoff is searched. The strict test below is made on vectors that are exactly opposite
    // for a pair and its reverse. So rounding cannot keep the one and drop the other.
    const double reach = cutoff * (1.0 + 1e-9);
    find(structure, reach, skin, 1);
    if (std::any_of(image_.begin(), image_.end(), [](double steps) { return steps != 0.0; })) {
        n_atoms_ = -1; // of an atom that jumped by a lattice vector, a new search numbers the images anew
        find(structure, reach, skin, 1);
    }
    for (std::size_t e = 0; structure.n_atoms > 0 && e < pairs_.source.size(); ++e) {
        const double *from = structure.positions + 3 * pairs_.target[e],
                     *to = structure.positions + 3 * pairs_.source[e];
        const std::int32_t *shift = &pairs_.shift[3 * e];
        const double counts[3] = {double(shift[0]), double(shift[1]), double(shift[2])};
        double translation[3], v[3];
        multiply(counts, structure.cell, translation);
        for (std::size_t k = 0; k < 3; ++k) {
            v[k] = to[k] - from[k] + translation[k];
        }
        if (std::sqrt(dot(v, v)) < cutoff) {
            pairs.target.push_back(pairs_.target[e]);
            pairs.source.push_back(pairs_.source[e]);
            pairs.shift.insert(pairs.shift.end(), shift, shift + 3);
            vectors.insert(vectors.end(), v, v + 3);
        }
    }
}

/// The present cell and what depends on it; false when it is too far from the first one.
bool NeighbourFinder::set_cell(const Matrix &cell) {
    cell_ = cell;
    inverse_ = inverse_of(cell);
    Matrix back{};
    for (std::size_t row = 0; row < 3; ++row) {
        multiply(&inverse_[3 * row], first_cell_, &back[3 * row]);
    }
    stretch_ = stretch_of(back);
    if (!(stretch_ < 2.0)) {
        return false;
    }
    for (std::size_t i = 0; i < fraction_.size(); i += 3) {
        multiply(&fraction_[i], cell_, &start_[i]);
    }
    for (std::size_t e = 0; e < offset_.size(); e += 3) {
        const double shift[3] = {double(pairs_.shift[e]), double(pairs_.shift[e + 1]), double(pairs_.shift[e + 2])};
        multiply(shift, cell_, &offset_[e]);
    }
    return true;
}

bool NeighbourFinder::still_valid(const Structure &structure, double cutoff, double skin) {
    if (skin <= 0.0 || structure.n_atoms != n_atoms_ || structure.pbc != pbc_) {
        return false;
    }
    const Matrix cell = whole_cell(structure);
    if (cell != cell_ && !set_cell(cell)) {
        return false;
    }
    const double reach = 0.5 * ((cutoff + skin) / stretch_ - cutoff);
    if (!(reach > 0.0)) {
        return false;
    }
    const bool periodic = pbc_[0] || pbc_[1] || pbc_[2];
    for (std::size_t i = 0; i < 3 * static_cast<std::size_t>(n_atoms_); i += 3) {
        double lattice[3], u[3];
        multiply(&image_[i], cell_, lattice);
        for (std::size_t k = 0; k < 3; ++k) {
            position_[i + k] = structure.positions[i + k] - lattice[k];
            u[k] = position_[i + k] - start_[i + k];
        }
        if (dot(u, u) <= reach * reach) {
            continue;
        }
        if (!periodic) {
            return false;
        }
        double steps[3];
        multiply(u, inverse_, steps);
        for (std::size_t k = 0; k < 3; ++k) {
            steps[k] = pbc_[k] ? std::round(steps[k]) : 0.0;
            image_[i + k] += steps[k];
        }
        multiply(steps, cell_, lattice);
        for (std::size_t k = 0; k < 3; ++k) {
            position_[i + k] -= lattice[k];
            u[k] -= lattice[k];
        }
        if (!(dot(u, u) <= reach * reach)) {
            return false;
        }
    }
    return true;
}

void NeighbourFinder::build(const Structure &structure, double cutoff, double skin, int threads) {
    const auto n = 3 * static_cast<std::size_t>(structure.n_atoms);
    for (std::size_t k = 0; k < n; ++k) {
        if (!std::isfinite(structure.positions[k])) {
            throw Error("the position of atom " + std::to_string(k / 3) + " is not finite");
        }
    }
    pbc_ = structure.pbc;
    first_cell_ = whole_cell(structure);
    const Matrix inverse = inverse_of(first_cell_);
    check_crowding(structure.n_atoms, structure.positions, first_cell_, inverse, pbc_, cutoff + skin);
    if (structure.n_atoms <= few_atoms) {
        find_all_pairs(structure.n_atoms, structure.positions, first_cell_, inverse, pbc_, cutoff + skin, pairs_);
    } else {
        search_cells(structure, cutoff + skin, threads);
        sort_by_target(structure.n_atoms);
    }
    if (sorted_) {
        sort_pairs(pairs_);
    }
    ++builds_;
    position_.assign(structure.positions, structure.positions + n);
    image_.assign(n, 0.0);
    start_.resize(n);
    fraction_.resize(n);
    offset_.resize(3 * pairs_.source.size());
    vector_.resize(3 * pairs_.source.size());
    for (std::size_t i = 0; i < n; i += 3) {
        multiply(&position_[i], inverse, &fraction_[i]);
    }
    set_cell(first_cell_);
}

void NeighbourFinder::search_cells(const Structure &structure, double reach, int threads) {
    VesinOptions options{};
    options.cutoff = reach;
    options.full = true;
    options.algorithm = VesinAutoAlgorithm;
    options.n_threads = threads;
    options.return_shifts = true;
    const char *message = nullptr;
    const int status = vesin_neighbors(reinterpret_cast<const double (*)[3]>(structure.positions),
                                       static_cast<std::size_t>(structure.n_atoms),
                                       reinterpret_cast<const double (*)[3]>(first_cell_.data()), pbc_.data(),
                                       VesinDevice{VesinCPU, 0}, options, &list_, &message);
    if (status != 0) {
        // vesin 0.6.2 leaves pointers to memory that a failed growth has already given back: a leak is the lesser evil.
        list_ = {};
        throw Error(std::string("the neighbour list failed: ") + (message ? message : "unknown reason"));
    }
}

/// Takes vesin's pairs over, grouped by target: the engine groups them at every call and then walks memory in order.
void NeighbourFinder::sort_by_target(std::int64_t n_atoms) {
    std::vector<std::size_t> at(static_cast<std::size_t>(n_atoms) + 1, 0);
    for (std::size_t e = 0; e < list_.length; ++e) {
        ++at[list_.pairs[e][0] + 1];
    }
    for (std::size_t i = 1; i < at.size(); ++i) {
        at[i] += at[i - 1];
    }
    pairs_.source.resize(list_.length);
    pairs_.target.resize(list_.length);
    pairs_.shift.resize(3 * list_.length);
    // vesin's pair (a, b) has the vector r_b - r_a + S cell: a is the target.
    for (std::size_t e = 0; e < list_.length; ++e) {
        const std::size_t to = at[list_.pairs[e][0]]++;
        pairs_.target[to] = static_cast<std::int64_t>(list_.pairs[e][0]);
        pairs_.source[to] = static_cast<std::int64_t>(list_.pairs[e][1]);
        std::copy_n(list_.shifts[e], 3, &pairs_.shift[3 * to]);
    }
}

void NeighbourFinder::fill_vectors() {
    for (std::size_t e = 0; e < pairs_.source.size(); ++e) {
        const double *from = &position_[3 * static_cast<std::size_t>(pairs_.target[e])];
        const double *to = &position_[3 * static_cast<std::size_t>(pairs_.source[e])];
        for (std::size_t k = 0; k < 3; ++k) {
            vector_[3 * e + k] = to[k] - from[k] + offset_[3 * e + k];
        }
    }
}

} // namespace tlmlp
