#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tlmlp::engine {

/// SHA-256 (FIPS 180-4) as 64 hexadecimal digits.
std::string sha256(std::string_view bytes);

/// CRC-32 as in zip archives (polynomial 0xEDB88320).
std::uint32_t crc32(std::string_view bytes);

} // namespace tlmlp::engine
