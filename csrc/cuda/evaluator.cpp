#include "cuda/evaluator.h"

#include <cstring>

#include "cuda/kernels/kernels.h"

namespace tlmlp::cuda {

template <class T> template <class U> const U *Evaluator<T>::keep(const U *from, std::size_t n) {
    return from ? weights_.emplace_back(device_).assign(from, n) : nullptr;
}

template <class T> Dense<T> Evaluator<T>::keep(const Dense<T> &layer) {
    const auto pad = [](int n) { return static_cast<std::size_t>(engine::pad_to(n, engine::output_group)); };
    Dense<T> copy = layer;
    copy.forward = keep(layer.forward, pad(layer.out) * layer.in);
    copy.backward = keep(layer.backward, pad(layer.in) * layer.out);
    copy.bias = keep(layer.bias, pad(layer.out));
    copy.rows = copy.rows_back = nullptr; // packings of the CPU
    return copy;
}

template <class T> const Dense<T> *Evaluator<T>::keep_layers(const Dense<T> *layers, int n) {
    std::vector<Dense<T>> copies;
    for (int k = 0; k < n; ++k) {
        copies.push_back(keep(layers[k]));
    }
    return keep(copies.data(), copies.size());
}

template <class T> void Evaluator<T>::upload(const Network<T> &host) {
    const Sizes &s = host.sizes;
    Network<T> &net = job_.network;
    net = host;
    net.table.coefficients = keep(host.table.coefficients, static_cast<std::size_t>(host.table.intervals) *
                                                               (host.table.degree + 1) * host.table.stride);
    net.harmonic_norms = keep(host.harmonic_norms, math::triangle_size(s.spherical - 1));
    net.legendre = keep(host.legendre, s.spherical);
    net.embed_radial = keep(host.embed_radial);
    net.embed_target = keep(host.embed_target, static_cast<std::size_t>(s.species) * s.embed_p);
    net.embed_source = keep(host.embed_source, static_cast<std::size_t>(s.species) * s.embed_p);
    net.frequencies = nullptr; // the table has what they stand for
    std::vector<Interaction<T>> interactions;
    for (int b = 0; b < s.blocks; ++b) {
        Interaction<T> copy = host.interactions[b];
        copy.kj = keep(copy.kj);
        copy.gate = keep(copy.gate);
        copy.down = keep(copy.down);
        copy.update = keep_layers(copy.update, s.update().count());
        copy.radial = keep(copy.radial, static_cast<std::size_t>(s.basis) * s.directional_p);
        interactions.push_back(copy);
    }
    net.interactions = keep(interactions.data(), interactions.size());
    std::vector<OutputBlock<T>> outputs;
    for (int k = 0; k < s.outputs; ++k) {
        OutputBlock<T> copy = host.outputs[k];
        copy.gate = keep(copy.gate);
        copy.layers = keep_layers(copy.layers, s.output_order().count());
        copy.last = keep(copy.last, static_cast<std::size_t>(s.output_p));
        outputs.push_back(copy);
    }
    net.outputs = keep(outputs.data(), outputs.size());
}

template <class T> Evaluator<T>::Evaluator(Device &device, const engine::ModelFile &file) : device_(device) {
    const engine::PackedNetwork<T> packed = engine::packed_network<T>(file);
    upload(packed.network());
    job_.energy_shift = keep(file.energy_shift.data(), file.energy_shift.size());
}

template <class T> Evaluator<T>::~Evaluator() { device_.drop(recording_); }

template <class T> template <class U> U *Evaluator<T>::array(int number, std::size_t n) {
    while (arrays_.size() <= static_cast<std::size_t>(number)) {
        arrays_.emplace_back(device_);
    }
    return arrays_[number].template resize<U>(n);
}

template <class T> void Evaluator<T>::resize(const std::vector<std::int64_t> &first_atoms, std::int64_t capacity) {
    const Sizes &s = job_.network.sizes;
    if (first_atoms == first_atoms_ && capacity <= job_.capacity) {
        return;
    }
    if (capacity > job_.capacity && job_.capacity > 0) {
        capacity += capacity / 8; // a fluctuating number of edges soon stops to allocate
    }
    job_.capacity = capacity > job_.capacity ? capacity : job_.capacity;
    int number = 0;
    if (first_atoms != first_atoms_) {
        first_atoms_ = first_atoms;
        job_.atoms = first_atoms.back();
        job_.systems = static_cast<std::int64_t>(first_atoms.size()) - 1;
        std::vector<Segment> segments;
        std::vector<std::int32_t> first_segment{0};
        for (std::int64_t system = 0; system < job_.systems; ++system) {
            for (std::int64_t at = first_atoms[system]; at < first_atoms[system + 1]; at += segment_atoms) {
                const std::int64_t last = std::min<std::int64_t>(at + segment_atoms, first_atoms[system + 1]);
                segments.push_back({static_cast<std::int32_t>(at), static_cast<std::int32_t>(last)});
            }
            first_segment.push_back(static_cast<std::int32_t>(segments.size()));
        }
        job_.segments = static_cast<std::int64_t>(segments.size());
        Segment *to = array<Segment>(0, segments.size());
        std::int32_t *to_first = array<std::int32_t>(1, first_segment.size());
        if (!segments.empty()) {
            device_.upload(to, segments.data(), segments.size() * sizeof(Segment));
        }
        device_.upload(to_first, first_segment.data(), first_segment.size() * sizeof(std::int32_t));
        job_.segment = to;
        job_.system_segments = to_first;
    }
    number = 2;
    const auto edges = static_cast<std::size_t>(job_.capacity), atoms = static_cast<std::size_t>(job_.atoms);
    const auto tiles = static_cast<std::size_t>(job_.tiles()), blocks = static_cast<std::size_t>(s.blocks);
    const std::size_t row = s.directional_p;
    job_.unit = array<T>(number++, 3 * edges);
    job_.position = array<T>(number++, edges);
    job_.interval = array<std::int32_t>(number++, edges);
    job_.radial = array<T>(number++, edges * s.radial_p);
    job_.basis = array<T>(number++, edges * s.basis);
    job_.harmonics = array<T>(number++, edges * s.harmonics);
    job_.message = array<T>(number++, (blocks + 1) * tiles * s.embed_p * tile_lanes<T>);
    job_.y = array<T>(number++, blocks * edges * row);
    job_.z = array<T>(number++, blocks * edges * row);
    job_.A = array<T>(number++, blocks * atoms * s.harmonics * row);
    job_.sums = array<T>(number++, s.outputs * atoms * s.embed_p);
    job_.sums_bar = array<T>(number++, s.outputs * atoms * s.embed_p);
    job_.message_bar = array<T>(number++, tiles * s.embed_p * tile_lanes<T>);
    job_.z_bar = array<T>(number++, edges * row);
    job_.y_bar = array<T>(number++, edges * row);
    job_.radial_bar = array<T>(number++, edges * s.radial_p);
    job_.geometry_bar = array<T>(number++, edges * 4);
    job_.vector_bar = array<double>(number++, edges * 3);
    job_.atom_part = array<double>(number++, s.outputs * atoms);
    job_.atom_virial = array<double>(number++, 9 * atoms);
    job_.segment_part = array<double>(number++, 10 * static_cast<std::size_t>(job_.segments));
    job_.head_value = array<double>(number++, s.heads() * atoms);
    job_.forces = array<double>(number++, 3 * atoms);
    job_.energy = array<double>(number++, static_cast<std::size_t>(job_.systems));
    job_.virial = array<double>(number++, 9 * static_cast<std::size_t>(job_.systems));
}

template <class T> void Evaluator<T>::launch(bool gradient) {
    job_.gradient = gradient ? 1 : 0;
    each_launch(job_.network.sizes.blocks, gradient,
                [&](Kernel kernel, int pass) { device_.launch(kernel, job_, pass); });
}

template <class T> void Evaluator<T>::run(bool gradient) {
    job_.gradient = gradient ? 1 : 0;
    // The second evaluation with the same arrays is recorded, so that a structure that comes once costs no recording.
    const char *bytes = reinterpret_cast<const char *>(&job_);
    const bool same = recorded_.size() == sizeof(job_) && std::memcmp(recorded_.data(), bytes, sizeof(job_)) == 0;
    if (!same) {
        device_.drop(std::exchange(recording_, nullptr));
        recorded_.assign(bytes, bytes + sizeof(job_));
        launch(gradient);
        return;
    }
    if (!recording_) {
        if (!device_.begin_recording()) {
            launch(gradient);
            return;
        }
        launch(gradient);
        recording_ = device_.end_recording();
    }
    device_.replay(recording_);
}

template <class T> std::size_t Evaluator<T>::memory() const {
    std::size_t bytes = 0;
    for (const auto *group : {&weights_, &arrays_}) {
        for (const Memory &memory : *group) {
            bytes += memory.bytes();
        }
    }
    return bytes;
}

template class Evaluator<float>;
template class Evaluator<double>;

} // namespace tlmlp::cuda
