#pragma once

namespace tlmlp::engine {

/// How many threads a parallel region may have when `threads` are asked for.
///
/// OpenMP's threads do not live on in a process made by fork, and a region with more than one would wait for them for
/// ever: 1 in a process whose parent has had such a region before. Results do not depend on the number of threads.
///
/// OpenMP ends the program where it cannot make its threads (a limit of processes or of memory). So a number of
/// threads that was never asked for before is made and ended here; throws Error when that fails.
int team_of(int threads);

/// Whether team_of gives 1 whatever is asked for, see there.
bool team_lost_by_fork();

} // namespace tlmlp::engine
