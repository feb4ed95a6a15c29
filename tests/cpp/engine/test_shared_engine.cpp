// One engine for several threads, as the Python module hands it out: every caller gets its own numbers, and nothing races
// (the thread sanitizer sees this program whole; the engine has one OpenMP thread here, since libgomp is not instrumented).
#include <atomic>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "pybind/shared_engine.h"
#include "reference.h"
#include "check.h"
#include "team.h"

namespace {

using tlmlp::ComputeOptions;
using tlmlp::Engine;
using tlmlp::OwnedResult;
using tlmlp::SharedEngine;

System cluster(int n, unsigned seed, double cutoff) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> shake(0.0, 0.1);
    std::vector<double> positions;
    for (int i = 0; i < n; ++i) {
        for (const double x : {2.4 * (i % 3), 2.4 * (i / 3 % 3), 2.4 * (i / 9)}) {
            positions.push_back(x + shake(random));
        }
    }
    return make_system(positions, {}, false, cutoff, 1);
}

struct Model {
    const ModelSizes sizes{1, 16, 8, 8, 4, 8, 2, 3, 3, 5, 1, 1, 2, 4.0};
    const std::string bytes = model_bytes(sizes, random_weights(sizes, 3));
};

TEST_CASE_FIXTURE(Model, "eight threads get the numbers of engines of their own") {
    const double cutoff = sizes.cutoff;
    SharedEngine shared(Engine::from_bytes(bytes));
    std::vector<System> systems;
    std::vector<OwnedResult> alone;
    for (int k = 0; k < 8; ++k) {
        systems.push_back(cluster(k % 2 ? 9 : 27, static_cast<unsigned>(k), cutoff));
        SharedEngine own(Engine::from_bytes(bytes));
        alone.push_back(own.compute(systems.back().edges(), {.edge_gradients = true}));
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < 8; ++k) {
        threads.emplace_back([&, k] {
            for (int repeat = 0; repeat < 5; ++repeat) {
                const OwnedResult result = shared.compute(systems[k].edges(), {.edge_gradients = true});
                wrong += !(result.energy == alone[k].energy && result.forces == alone[k].forces &&
                           result.virial == alone[k].virial && result.head_values == alone[k].head_values &&
                           result.edge_gradients == alone[k].edge_gradients);
                wrong += shared.with([](Engine &engine) { return engine.memory(); }) == 0;
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(wrong.load() == 0);
}

TEST_CASE_FIXTURE(Model, "exceptions release the lock") {
    const double cutoff = sizes.cutoff;
    SharedEngine shared(Engine::from_bytes(bytes));
    System system = cluster(9, 1, cutoff);
    system.species[0] = 99;
    CHECK_ERROR((shared.compute(system.edges(), {})), "species number 99", tlmlp::Error);
    system.species[0] = 0;
    CHECK_MESSAGE(shared.compute(system.edges(), {}).energy != 0.0, "a good call after a bad one");
}

TEST_CASE("a lock that another process holds is refused") {
    tlmlp::OneAtATime lock;
    lock.lock();
    const pid_t child = fork();
    if (child == 0) {
        try {
            lock.lock();
            _exit(1);
        } catch (const tlmlp::Error &) {
            _exit(0);
        }
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    lock.unlock();
    lock.lock();
    lock.unlock();
}

TEST_CASE("teams of threads, and none in a forked process") {
    using tlmlp::engine::team_lost_by_fork, tlmlp::engine::team_of;
    CHECK(team_of(1) == 1);
    CHECK(!team_lost_by_fork());
    CHECK(team_of(2) == 2);
    CHECK(team_of(3) == 3);
    const pid_t child = fork();
    if (child == 0) {
        _exit(team_lost_by_fork() && team_of(2) == 1 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    CHECK_MESSAGE(status == 0, "one in a forked process");
    CHECK_MESSAGE(team_of(2) == 2, "and still two here");
}

} // namespace
