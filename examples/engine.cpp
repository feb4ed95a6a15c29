// Energy, forces and pressure of rattled silicon with the engine alone: no Python, no torch.
//
//     cmake -S . -B build/cpp -DTLMLP_TORCH=OFF -DTLMLP_PYTHON=OFF -DTLMLP_LAMMPS=OFF -DTLMLP_OPENMM=OFF
//     cmake --build build/cpp
//     cmake --install build/cpp --prefix build/installed
//     cmake -S tests/install -B build/example -DCMAKE_PREFIX_PATH=$PWD/build/installed
//     cmake --build build/example
//     build/example/engine python/tlmlp/pretrained/si-dft.pt
//
// A CMake project of your own needs two lines: find_package(tlmlp REQUIRED) and target_link_libraries(NAME PRIVATE
// tlmlp::structures), or tlmlp::core when you bring your own neighbour list.
#include <cmath>
#include <cstdio>
#include <vector>

#include "tlmlp/engine.h"

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: example_engine MODEL.pt, a file written by `tlmlp export`\n");
        return 2;
    }
    try {
        tlmlp::Engine engine(argv[1], {.precision = tlmlp::Precision::float32, .threads = 2});
        const double a = 5.43; // Angstrom
        const double sites[8][3] = {{0, 0, 0}, {0, 2, 2}, {2, 0, 2}, {2, 2, 0},
                                    {1, 1, 1}, {1, 3, 3}, {3, 1, 3}, {3, 3, 1}};
        std::vector<double> positions;
        for (int k = 0; k < 8; ++k) {
            for (int axis = 0; axis < 3; ++axis) {
                positions.push_back(sites[k][axis] * a / 4 + 0.05 * std::sin(3.0 * k + axis));
            }
        }
        const std::vector<std::int32_t> species(8, 0); // the first species of the model
        const tlmlp::Result result = engine.energy_forces_virial(
            tlmlp::Structure{8, species.data(), positions.data(), {a, 0, 0, 0, a, 0, 0, 0, a}, {true, true, true}});

        std::printf("%s, cutoff %.2f A, %s\n", engine.model().species[0].c_str(), engine.model().cutoff,
                    std::string(engine.level()).c_str());
        std::printf("energy   %.6f eV\n", result.energy);
        std::printf("force 0  %.6f %.6f %.6f eV/A\n", result.forces[0], result.forces[1], result.forces[2]);
        std::printf("pressure %.6f eV/A^3\n",
                    (result.virial[0] + result.virial[4] + result.virial[8]) / (3 * a * a * a));
    } catch (const tlmlp::Error &error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
    return 0;
}
