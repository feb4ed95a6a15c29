// Writes the seeds of fuzz_model that are kept in corpus/model. usage: make_corpus FOLDER
#include <cstdio>
#include <fstream>

#include "parts.h"

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: make_corpus FOLDER\n");
        return 2;
    }
    const auto write = [&](const char *name, const std::string &content) {
        std::ofstream(std::string(argv[1]) + "/" + name, std::ios::binary) << content;
    };
    const ModelSizes tiny{1, 2, 2, 2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 3.0};
    const ModelSizes small{2, 4, 3, 2, 1, 2, 2, 2, 3, 4, 1, 1, 1, 4.0};
    const auto replaced = [](std::string text, const std::string &from, const std::string &to) {
        return text.replace(text.find(from), from.size(), to);
    };
    const std::string golden =
        R"("golden":[{"name":"two","species":[0,0],"positions":[[0,0,0],[0,0,2.5]],"cell":[[4,0,0],[1,4,0],[0,0,5]],)"
        R"("pbc":[true,true,true],"energy":-1.5,"forces":[[0,0,1],[0,0,-1]],"virial":[[0,0,0],[0,0,0],[0,0,2.5]]}])";
    for (const auto &[name, sizes] : {std::pair{"tiny", tiny}, {"small", small}}) {
        const std::string weights = safetensors_bytes(random_weights(sizes, 1));
        const std::string json = header_json(sizes, weights);
        write((std::string(name) + ".parts").c_str(), "P" + taken_apart(json, weights));
        write((std::string(name) + ".zip").c_str(),
              "A" + zip_bytes({{"m/extra/tlmlp.json", json}, {"m/extra/weights.safetensors", weights}}));
        write((std::string(name) + "-golden.parts").c_str(),
              "P" + taken_apart(replaced(replaced(json, "\"golden\":[]", golden), "\"zbl\":null",
                                         "\"zbl\":{\"inner\":1.0,\"outer\":2.0}"),
                                weights));
    }
    return 0;
}
