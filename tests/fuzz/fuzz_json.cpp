// The JSON reader: a value whose parts can all be asked for, or tlmlp::Error in one line.
#include <cstdint>
#include <cstdlib>

#include "json.h"
#include "tlmlp/error.h"

namespace {

using tlmlp::engine::Json;

std::size_t walk(const Json &value) {
    std::size_t count = 1 + value.path().size();
    if (value.type() == Json::Type::array) {
        for (const Json &item : value.array()) {
            count += walk(item);
        }
    } else if (value.type() == Json::Type::object) {
        for (const auto &[key, member] : value.object()) {
            count += walk(member);
            if (value.find(key) != &member) {
                std::abort(); // a key stands once
            }
        }
    }
    return count;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    try {
        Json::Limits limits{1 << 16, 5000, {}};
        if (size > 0 && data[0] == ' ') {
            limits.known = {"a", "model"};
        }
        walk(Json::parse({reinterpret_cast<const char *>(data), size}, "x", limits));
    } catch (const tlmlp::Error &error) {
        if (std::string_view(error.what()).find_first_of("\n\r\033") != std::string_view::npos) {
            std::abort();
        }
    }
    return 0;
}
