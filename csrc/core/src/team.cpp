#include "team.h"

#include <atomic>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tlmlp/error.h"

namespace tlmlp::engine {

namespace {

std::atomic<int> process_of_team{0}; ///< the process that had the first region of several threads, 0 before it
std::atomic<int> proven{1};          ///< so many threads could be made at once

void prove(int threads) {
    std::atomic<bool> all_there{false};
    std::vector<std::thread> team;
    std::string failure;
    team.reserve(static_cast<std::size_t>(threads));
    try {
        while (static_cast<int>(team.size()) + 1 < threads) {
            team.emplace_back([&all_there] { all_there.wait(false); });
        }
    } catch (const std::system_error &error) {
        failure = error.what();
    }
    const std::size_t made = team.size() + 1;
    all_there = true;
    all_there.notify_all();
    for (std::thread &thread : team) {
        thread.join();
    }
    if (!failure.empty()) {
        throw Error("only " + std::to_string(made) + " of " + std::to_string(threads) + " threads can be made here (" +
                    failure + "): ask for fewer, or raise the limit of processes or memory (ulimit -u, ulimit -v)");
    }
    proven = threads;
}

} // namespace

bool team_lost_by_fork() {
    const int first = process_of_team;
    return first != 0 && first != static_cast<int>(getpid());
}

int team_of(int threads) {
    if (threads <= 1 || team_lost_by_fork()) {
        return 1;
    }
    if (threads > proven) {
        prove(threads);
    }
    int none = 0;
    process_of_team.compare_exchange_strong(none, static_cast<int>(getpid()));
    return threads;
}

} // namespace tlmlp::engine
