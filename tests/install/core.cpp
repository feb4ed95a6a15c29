// The engine with edges of one's own: the version, and the refusal of a file that is not there.
#include <cstdio>

#include "tlmlp/engine.h"
#include "tlmlp/version.h"

int main() {
    try {
        tlmlp::Engine engine("missing.pt", {});
    } catch (const tlmlp::Error &error) {
        std::printf("%s: %s\n", TLMLP_VERSION, error.what());
        return 0;
    }
    return 1;
}
