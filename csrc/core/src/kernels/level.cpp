// One instruction level (TLMLP_LEVEL, TLMLP_SIMD_BYTES, TLMLP_SIMD_ROWS) in one precision (TLMLP_SCALAR).
#include "kernels/foreign.h"

namespace {

using Scalar = TLMLP_SCALAR;

std::ptrdiff_t scratch_size(const Sizes &sizes, int max_lanes, int max_edges) {
    Scratch<Scalar> scratch;
    return scratch.cut(nullptr, sizes, max_lanes, max_edges);
}

void forward(const Job<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes, int max_edges) {
    Scratch<Scalar> scratch;
    scratch.cut(memory, job.network->sizes, max_lanes, max_edges);
    const Pass<Scalar> work(job, chunk, scratch);
    if (chunk.foreign) {
        ForeignPass<Scalar>(work).forward(pass);
    } else {
        work.forward(pass);
    }
}

void backward(const Job<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes, int max_edges) {
    Scratch<Scalar> scratch;
    scratch.cut(memory, job.network->sizes, max_lanes, max_edges);
    const Pass<Scalar> work(job, chunk, scratch);
    if (chunk.foreign) {
        ForeignPass<Scalar>(work).backward(pass);
    } else {
        work.backward(pass);
    }
}

void receive(const Job<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes, int max_edges) {
    Scratch<Scalar> scratch;
    scratch.cut(memory, job.network->sizes, max_lanes, max_edges);
    ForeignPass<Scalar>(Pass<Scalar>(job, chunk, scratch)).receive(pass);
}

void send(const Job<Scalar> &job, const Chunk &chunk, int, Scalar *memory, int max_lanes, int max_edges) {
    Scratch<Scalar> scratch;
    scratch.cut(memory, job.network->sizes, max_lanes, max_edges);
    send_centres(Pass<Scalar>(job, chunk, scratch));
}

} // namespace

namespace tlmlp::engine {

#define TLMLP_JOIN_(a, b) a##b
#define TLMLP_JOIN(a, b) TLMLP_JOIN_(a, b)
#define TLMLP_STRING_(a) #a
#define TLMLP_STRING(a) TLMLP_STRING_(a)

const Kernels<Scalar> &TLMLP_JOIN(kernels_, TLMLP_LEVEL)(Scalar) {
    static constexpr Kernels<Scalar> table{
        TLMLP_STRING(TLMLP_LEVEL), lanes<Scalar>, scratch_size, forward, backward, receive, send};
    return table;
}

} // namespace tlmlp::engine
