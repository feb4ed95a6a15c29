#pragma once

// A model file taken apart, so that a fuzzer can change what checksums would otherwise guard: four bytes with the length
// of tlmlp.json, tlmlp.json, weights.safetensors. `assembled` puts the archive together again, with the right CRC-32 and,
// where tlmlp.json has its key "sha256":", the right SHA-256.

#include <cstring>
#include <string>
#include <string_view>

#include "../cpp/engine/random_model.h"

inline std::string taken_apart(const std::string &json, const std::string &weights) {
    return little_endian(json.size(), 4) + json + weights;
}

inline std::string assembled(std::string_view parts) {
    std::uint32_t size = 0;
    std::memcpy(&size, parts.data(), std::min<std::size_t>(4, parts.size()));
    parts.remove_prefix(std::min<std::size_t>(4, parts.size()));
    std::string json(parts.substr(0, size));
    const std::string weights(parts.substr(json.size()));
    const std::string key = "\"sha256\":\"";
    if (const auto at = json.find(key); at != std::string::npos && json.size() >= at + key.size() + 64) {
        json.replace(at + key.size(), 64, tlmlp::engine::sha256(weights));
    }
    return zip_bytes({{"m/extra/tlmlp.json", json}, {"m/extra/weights.safetensors", weights}});
}
