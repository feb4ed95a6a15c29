#pragma once

// Output networks, y_i = w . act(W .. act(W W_up s_i + b)), forward and backward in one go, all blocks in one launch;
// then forces, energies and virials, summed in a fixed order: over the edges of an atom, over segments of atoms of one
// system, over its segments. A system's numbers do not depend on what else is in the launch.

#include "cuda/kernels/cuda_dense.h"

namespace tlmlp::cuda {

inline constexpr double ev_in_kj_per_mol = 96.48533212331001; // CODATA 2018, python/tlmlp/units.py
inline constexpr double nm_per_angstrom = 0.1;

template <class T> TLMLP_HD inline int outputs_shared(const Sizes &s) {
    return (s.embed_p + (2 + s.dense) * s.output_p) * atom_lanes;
}

template <class T, class Block> TLMLP_HD inline void outputs(const Block &block, const Job<T> &job, int) {
    constexpr int W = atom_lanes;
    const Sizes &s = job.network.sizes;
    const std::int64_t tiles = (job.atoms + W - 1) / W, all = tiles * s.outputs;
    T *sums = static_cast<T *>(block.shared), *work = sums + s.embed_p * W;
    const int size = s.output_p * W;
    T *const none = nullptr;
    const network::OutputOrder order = s.output_order();
    for (std::int64_t at = block.index; at < all; at += block.count) {
        const int b = int(at / tiles);
        const std::int64_t first = at % tiles * W;
        const int n = int(job.atoms - first < W ? job.atoms - first : W);
        const OutputBlock<T> &w = job.network.outputs[b];
        T *x = sums;
        const auto array = [=](int k) { return work + k % 2 * size; };
        const auto slope = [=](int k) { return work + (1 + k) * size; };
        load_rows<W>(block, job.sums + (b * job.atoms + first) * s.embed_p, s.embed_p, s.embed_p, n, sums);
        block.sync();
        network::walk_output(order, [&](int k) {
            T *y = array(k);
            if (network::OutputOrder::activated(k)) {
                layer_act<W>(block, w.layers[k], x, none, y, slope(k));
            } else {
                dense<W>(block, w.layers[k], x, [=](int o, int lane, Four<T> a) { store4(y + o * W + lane, a); });
            }
            x = y;
        });
        block.for_each(n, [&](int a) {
            double sum = 0.0;
            for (int o = 0; o < s.output; ++o) {
                sum += double(w.last[o]) * double(x[o * W + a]);
            }
            job.atom_part[b * job.atoms + first + a] = sum;
        });
        block.sync();
        if (!job.gradient || !w.of_energy) {
            continue;
        }
        const int last = order.count() - 1;
        const T *last_slope = network::OutputOrder::activated(last) ? slope(last) : none;
        block.for_each(size, [&](int k) { x[k] = w.last[k / W] * (last_slope ? last_slope[k] : T(1)); });
        block.sync();
        network::walk_output_back(order, [&](int k) {
            T *y = k > 0 ? array(k - 1) : sums;
            if (k > 0 && network::OutputOrder::activated(k - 1)) {
                back_times<W>(block, w.layers[k], x, slope(k - 1), y);
            } else {
                back_next<W>(block, w.layers[k], x, false, y, none, none);
            }
            x = y;
        });
        store_rows<W>(block, sums, s.embed_p, s.embed, n, job.sums_bar + (b * job.atoms + first) * s.embed_p);
    }
}

/// F_i = sum_p (dE/dv_p - dE/dv_reverse(p)), virial_ab = -sum_p (dE/dv_p)_a (v_p)_b; blocks of 64 atoms.
template <class T, class Block> TLMLP_HD inline void forces(const Block &block, const Job<T> &job, int) {
    constexpr int W = 64;
    const Sizes &s = job.network.sizes;
    for (std::int64_t first = std::int64_t(block.index) * W; first < job.atoms;
         first += std::int64_t(block.count) * W) {
        const int n = int(job.atoms - first < W ? job.atoms - first : W);
        block.for_each(n, [&](int a) {
            const std::int64_t atom = first + a;
            s.each_output(0, [&](int first) {
                double value = 0.0;
                for (int k = first; k <= first + s.blocks; ++k) {
                    value += job.atom_part[k * job.atoms + atom];
                }
                job.head_value[s.head_of(first) * job.atoms + atom] = value;
            });
            job.head_value[atom] = job.head_value[atom] / ev_in_kj_per_mol + job.energy_shift[job.species[atom]];
            if (!job.gradient) {
                return;
            }
            double force[3] = {0.0, 0.0, 0.0}, virial[9] = {};
            for (std::int64_t edge = job.offsets[atom]; edge < job.offsets[atom + 1]; ++edge) {
                const double *g = job.vector_bar + 3 * edge, *v = job.vector + 3 * edge;
                const double *back = job.vector_bar + 3 * std::int64_t(job.reverse[edge]);
                for (int i = 0; i < 3; ++i) {
                    force[i] += g[i] - back[i];
                    for (int j = 0; j < 3; ++j) {
                        virial[3 * i + j] -= g[i] * v[j];
                    }
                }
            }
            for (int i = 0; i < 3; ++i) {
                job.forces[3 * atom + i] = force[i] * (nm_per_angstrom / ev_in_kj_per_mol);
            }
            for (int i = 0; i < 9; ++i) {
                job.atom_virial[9 * atom + i] = virial[i] * (1.0 / ev_in_kj_per_mol);
            }
        });
        block.sync();
    }
}

/// Quantity 0 is the energy, 1..9 the virial.
template <class T, class Block> TLMLP_HD inline void segments(const Block &block, const Job<T> &job, int) {
    constexpr int parts = 16;
    double *shared = static_cast<double *>(block.shared); // [parts][10]
    const int quantities = job.gradient ? 10 : 1;
    for (std::int64_t at = block.index; at < job.segments; at += block.count) {
        const Segment segment = job.segment[at];
        block.for_each(parts * quantities, [&](int item) {
            const int quantity = item % quantities, part = item / quantities;
            double sum = 0.0;
            for (std::int64_t atom = segment.first + part; atom < segment.last; atom += parts) {
                sum += quantity == 0 ? job.head_value[atom] : job.atom_virial[9 * atom + quantity - 1];
            }
            shared[part * 10 + quantity] = sum;
        });
        block.sync();
        block.for_each(quantities, [&](int quantity) {
            double sum = 0.0;
            for (int part = 0; part < parts; ++part) {
                sum += shared[part * 10 + quantity];
            }
            job.segment_part[10 * at + quantity] = sum;
        });
        block.sync();
    }
}

template <class T, class Block> TLMLP_HD inline void systems(const Block &block, const Job<T> &job, int) {
    const int quantities = job.gradient ? 10 : 1;
    for (std::int64_t system = block.index; system < job.systems; system += block.count) {
        block.for_each(quantities, [&](int quantity) {
            double sum = 0.0;
            for (std::int64_t at = job.system_segments[system]; at < job.system_segments[system + 1]; ++at) {
                sum += job.segment_part[10 * at + quantity];
            }
            if (quantity == 0) {
                job.energy[system] = sum;
            } else {
                job.virial[9 * system + quantity - 1] = sum;
            }
        });
        block.sync();
    }
}

} // namespace tlmlp::cuda
