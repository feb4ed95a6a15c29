// One instruction level (TLMLP_LEVEL, TLMLP_SIMD_BYTES, TLMLP_SIMD_ROWS) in one precision (TLMLP_SCALAR).
#define TLMLP_TRAINING_SWEEPS // kernels/prefetch.h
#include "sweeps/tangent_second.h"

namespace {

using Scalar = TLMLP_SCALAR;

std::ptrdiff_t scratch_size(const Sizes &sizes, int max_lanes, int max_edges) {
    SweepScratch<Scalar> work;
    return work.cut(nullptr, sizes, max_lanes, max_edges);
}

template <class Body>
void with_work(const training::SweepJob<Scalar> &job, Scalar *memory, int max_lanes, int max_edges, Body &&body) {
    SweepScratch<Scalar> work;
    work.cut(memory, job.network->sizes, max_lanes, max_edges);
    body(work);
}

void forward(const training::SweepJob<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes,
             int max_edges) {
    with_work(job, memory, max_lanes, max_edges,
              [&](SweepScratch<Scalar> &work) { Pass<TrainingPlaces<Scalar>>(job, chunk, work).forward(pass); });
}

void reverse(const training::SweepJob<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes,
             int max_edges) {
    with_work(job, memory, max_lanes, max_edges,
              [&](SweepScratch<Scalar> &work) { Pass<TrainingPlaces<Scalar>>(job, chunk, work).reverse(pass); });
}

void tangent(const training::SweepJob<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes,
             int max_edges) {
    with_work(job, memory, max_lanes, max_edges,
              [&](SweepScratch<Scalar> &work) { TangentPass<Scalar>(job, chunk, work).run(pass); });
}

void second(const training::SweepJob<Scalar> &job, const Chunk &chunk, int pass, Scalar *memory, int max_lanes,
            int max_edges, Scalar *gradient) {
    with_work(job, memory, max_lanes, max_edges,
              [&](SweepScratch<Scalar> &work) { SecondPass<Scalar>(job, chunk, work, gradient).run(pass); });
}

} // namespace

namespace tlmlp::training {

#define TLMLP_STRING_(a) #a
#define TLMLP_STRING(a) TLMLP_STRING_(a)

template <> const Kernels<Scalar> &Kernels<Scalar>::TLMLP_LEVEL() {
    static constexpr Kernels<Scalar> table{
        TLMLP_STRING(TLMLP_LEVEL), scratch_size, ::forward, ::reverse, ::tangent, ::second};
    return table;
}

} // namespace tlmlp::training
