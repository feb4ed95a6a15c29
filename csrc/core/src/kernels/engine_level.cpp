// One instruction level (TLMLP_LEVEL, TLMLP_SIMD_BYTES, TLMLP_SIMD_ROWS) in one precision (TLMLP_SCALAR).
#include "kernels/foreign.h"

namespace {

using Scalar = TLMLP_SCALAR;

std::ptrdiff_t scratch_size(const Sizes &sizes, int max_lanes, int max_edges) {
    return EngineScratch<Scalar>().cut(nullptr, sizes, max_lanes, max_edges);
}

template <class Call>
void with_pass(const Job<Scalar> &job, const Chunk &chunk, Scalar *memory, int max_lanes, int max_edges, Call &&call) {
    EngineScratch<Scalar> scratch;
    scratch.cut(memory, job.network->sizes, max_lanes, max_edges);
    call(EnginePass<Scalar>(job, chunk, scratch));
}

void forward(const Job<Scalar> &job, const Chunk &chunk, int b, Scalar *memory, int max_lanes, int max_edges) {
    with_pass(job, chunk, memory, max_lanes, max_edges, [&](const EnginePass<Scalar> &pass) {
        if (chunk.foreign) {
            ForeignPass<Scalar>(pass).forward(b);
            return;
        }
        pass.forward(b);
        if (b == job.network->sizes.blocks && job.gradient) {
            pass.reverse(b);
        }
    });
}

void reverse(const Job<Scalar> &job, const Chunk &chunk, int b, Scalar *memory, int max_lanes, int max_edges) {
    with_pass(job, chunk, memory, max_lanes, max_edges, [&](const EnginePass<Scalar> &pass) {
        if (chunk.foreign) {
            ForeignPass<Scalar>(pass).reverse(b);
        } else {
            pass.reverse(b);
        }
    });
}

void receive(const Job<Scalar> &job, const Chunk &chunk, int b, Scalar *memory, int max_lanes, int max_edges) {
    with_pass(job, chunk, memory, max_lanes, max_edges,
              [&](const EnginePass<Scalar> &pass) { ForeignPass<Scalar>(pass).receive(b); });
}

void send(const Job<Scalar> &job, const Chunk &chunk, int, Scalar *memory, int max_lanes, int max_edges) {
    with_pass(job, chunk, memory, max_lanes, max_edges,
              [&](const EnginePass<Scalar> &pass) { send_centres<Scalar>(pass); });
}

} // namespace

namespace tlmlp::engine {

#define TLMLP_STRING_(a) #a
#define TLMLP_STRING(a) TLMLP_STRING_(a)

template <> const Kernels<Scalar> &Kernels<Scalar>::TLMLP_LEVEL() {
    static constexpr Kernels<Scalar> table{
        TLMLP_STRING(TLMLP_LEVEL), lanes<Scalar>, scratch_size, ::forward, ::reverse, ::receive, ::send};
    return table;
}

} // namespace tlmlp::engine
