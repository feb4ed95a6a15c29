#pragma once

#include <string>
#include <string_view>

namespace tlmlp::engine {

/// Contents of the uncompressed entry of a zip archive (zip64 included) whose path ends in `suffix`, checked against its
/// CRC-32; the view lies in `archive`. Throws Error, with `name` for the file, on anything that is not in order.
std::string_view zip_entry(std::string_view archive, std::string_view suffix, const std::string &name);

} // namespace tlmlp::engine
