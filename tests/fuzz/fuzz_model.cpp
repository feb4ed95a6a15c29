// The reader of model files and the packing of the weights. An input that begins with 'A' is an archive as it is, any
// other the parts of parts.h behind its first byte. Right is a model or tlmlp::Error in one line, nothing else.
#include <cstdint>
#include <cstdlib>

#include "parts.h"
#include "weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view rest(reinterpret_cast<const char *>(data) + 1, size - 1);
    const std::string bytes = data[0] == 'A' ? std::string(rest) : assembled(rest);
    try {
        const auto file = tlmlp::engine::ModelFile::from_bytes(bytes, "x.pt");
        const auto network = tlmlp::engine::packed_network<float>(file);
    } catch (const tlmlp::Error &error) {
        if (std::string_view(error.what()).find_first_of("\n\r\033") != std::string_view::npos) {
            std::abort();
        }
    }
    return 0;
}
