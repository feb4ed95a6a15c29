#include "autograd.h"

namespace tlmlp::autograd {

namespace {

struct SphericalHarmonicsBackward : Function<SphericalHarmonicsBackward> {
    static Tensor forward(AutogradContext *context, const Tensor &edge_vector, const OptionalTensor &grad_distance,
                          const OptionalTensor &grad_y, std::int64_t num_spherical) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_spherical_harmonics_backward", tlmlp::spherical_harmonics_backward);
        context->save_for_backward({edge_vector, grad_distance.value_or(Tensor()), grad_y.value_or(Tensor())});
        context->saved_data["num_spherical"] = num_spherical;
        context->set_materialize_grads(false);
        return op.call(edge_vector, grad_distance, grad_y, num_spherical);
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        if (!v[0].defined()) {
            return variable_list(4);
        }
        static const auto op = find_op("tlmlp::_spherical_harmonics_second", tlmlp::spherical_harmonics_second);
        const auto saved = context->get_saved_variables();
        auto [vector, distance, y] = op.call(v[0], saved[0], optional(saved[1]), optional(saved[2]),
                                             context->saved_data["num_spherical"].toInt());
        return {vector, result_or_undefined(distance, saved[1].defined()), result_or_undefined(y, saved[2].defined()),
                Tensor()};
    }
};

struct SphericalHarmonics : Function<SphericalHarmonics> {
    static variable_list forward(AutogradContext *context, const Tensor &edge_vector, std::int64_t num_spherical) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::spherical_harmonics", tlmlp::spherical_harmonics);
        auto [distance, y] = op.call(edge_vector, num_spherical);
        context->save_for_backward({edge_vector});
        context->saved_data["num_spherical"] = num_spherical;
        context->set_materialize_grads(false);
        return {distance, y};
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        if (!grads[0].defined() && !grads[1].defined()) {
            return variable_list(2);
        }
        return {SphericalHarmonicsBackward::apply(context->get_saved_variables()[0], optional(grads[0]),
                                                  optional(grads[1]), context->saved_data["num_spherical"].toInt()),
                Tensor()};
    }
};

struct RadialBasisBackward : Function<RadialBasisBackward> {
    static variable_list forward(AutogradContext *context, const Tensor &distance, const Tensor &frequencies,
                                 const Tensor &grad, double cutoff, std::int64_t p, std::int64_t wanted) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::_radial_basis_backward", tlmlp::radial_basis_backward);
        context->save_for_backward({distance, frequencies, grad});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["p"] = p;
        context->set_materialize_grads(false);
        auto [to_distance, to_frequencies] = op.call(distance, frequencies, grad, cutoff, p, wanted);
        return {to_distance, to_frequencies};
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        if (!v[0].defined() && !v[1].defined()) {
            return variable_list(6);
        }
        static const auto op = find_op("tlmlp::_radial_basis_second", tlmlp::radial_basis_second);
        const auto s = context->get_saved_variables();
        auto [distance, frequencies, grad] =
            op.call(optional(v[0]), optional(v[1]), s[0], s[1], s[2], context->saved_data["cutoff"].toDouble(),
                    context->saved_data["p"].toInt());
        return {distance, frequencies, grad, Tensor(), Tensor(), Tensor()};
    }
};

struct RadialBasis : Function<RadialBasis> {
    static Tensor forward(AutogradContext *context, const Tensor &distance, const Tensor &frequencies, double cutoff,
                          std::int64_t p) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::radial_basis", tlmlp::radial_basis);
        context->save_for_backward({distance, frequencies});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["p"] = p;
        context->set_materialize_grads(false);
        return op.call(distance, frequencies, cutoff, p);
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        if (!grads[0].defined()) {
            return variable_list(4);
        }
        const auto saved = context->get_saved_variables();
        const std::int64_t wanted = wanted_inputs(context, 2);
        const auto gradients =
            RadialBasisBackward::apply(saved[0], saved[1], grads[0], context->saved_data["cutoff"].toDouble(),
                                       context->saved_data["p"].toInt(), wanted);
        return {result_or_undefined(gradients[0], wants(wanted, 0)),
                result_or_undefined(gradients[1], wants(wanted, 1)), Tensor(), Tensor()};
    }
};

/// cutoff, p, num_spherical, num_radial of the spherical Bessel basis.
struct BesselSizes {
    double cutoff;
    std::int64_t p, num_spherical, num_radial;

    void save(AutogradContext *context) const {
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["p"] = p;
        context->saved_data["num_spherical"] = num_spherical;
        context->saved_data["num_radial"] = num_radial;
    }
    explicit BesselSizes(AutogradContext *context)
        : cutoff(context->saved_data["cutoff"].toDouble()), p(context->saved_data["p"].toInt()),
          num_spherical(context->saved_data["num_spherical"].toInt()),
          num_radial(context->saved_data["num_radial"].toInt()) {}
    BesselSizes(double cutoff_, std::int64_t p_, std::int64_t L, std::int64_t N)
        : cutoff(cutoff_), p(p_), num_spherical(L), num_radial(N) {}
};

struct SphericalBesselBackward : Function<SphericalBesselBackward> {
    static Tensor forward(AutogradContext *context, const Tensor &distance, const Tensor &grad, double cutoff,
                          std::int64_t p, std::int64_t num_spherical, std::int64_t num_radial) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op =
            find_op("tlmlp::_spherical_bessel_basis_backward", tlmlp::spherical_bessel_basis_backward);
        context->save_for_backward({distance, grad});
        BesselSizes(cutoff, p, num_spherical, num_radial).save(context);
        context->set_materialize_grads(false);
        return op.call(distance, grad, cutoff, p, num_spherical, num_radial);
    }

    static variable_list backward(AutogradContext *context, variable_list v) {
        if (!v[0].defined()) {
            return variable_list(6);
        }
        static const auto op = find_op("tlmlp::_spherical_bessel_basis_second", tlmlp::spherical_bessel_basis_second);
        const auto saved = context->get_saved_variables();
        const BesselSizes z(context);
        auto [distance, grad] = op.call(v[0], saved[0], saved[1], z.cutoff, z.p, z.num_spherical, z.num_radial);
        return {distance, grad, Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

struct SphericalBessel : Function<SphericalBessel> {
    static Tensor forward(AutogradContext *context, const Tensor &distance, double cutoff, std::int64_t p,
                          std::int64_t num_spherical, std::int64_t num_radial) {
        at::AutoDispatchBelowADInplaceOrView guard;
        static const auto op = find_op("tlmlp::spherical_bessel_basis", tlmlp::spherical_bessel_basis);
        context->save_for_backward({distance});
        BesselSizes(cutoff, p, num_spherical, num_radial).save(context);
        context->set_materialize_grads(false);
        return op.call(distance, cutoff, p, num_spherical, num_radial);
    }

    static variable_list backward(AutogradContext *context, variable_list grads) {
        variable_list results(5);
        if (grads[0].defined()) {
            const BesselSizes z(context);
            results[0] = SphericalBesselBackward::apply(context->get_saved_variables()[0], grads[0], z.cutoff, z.p,
                                                        z.num_spherical, z.num_radial);
        }
        return results;
    }
};

} // namespace

std::tuple<Tensor, Tensor> spherical_harmonics(const Tensor &edge_vector, std::int64_t num_spherical) {
    const auto outputs = SphericalHarmonics::apply(edge_vector, num_spherical);
    return {outputs[0], outputs[1]};
}

Tensor radial_basis(const Tensor &distance, const Tensor &frequencies, double cutoff, std::int64_t p) {
    return RadialBasis::apply(distance, frequencies, cutoff, p);
}

Tensor spherical_bessel_basis(const Tensor &distance, double cutoff, std::int64_t p, std::int64_t num_spherical,
                              std::int64_t num_radial) {
    return SphericalBessel::apply(distance, cutoff, p, num_spherical, num_radial);
}

} // namespace tlmlp::autograd
