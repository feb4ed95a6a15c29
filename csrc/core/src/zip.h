#pragma once

#include <string>
#include <string_view>

namespace tlmlp::engine {

/// Contents of the one uncompressed entry of a zip archive (zip64 included) whose path ends in `suffix`, checked against
/// its CRC-32; the view lies in `archive`. The table of contents must lie where the end record says, directly before it,
/// and the end record must be the end of the file: of two archives one behind the other, or of one with something around
/// it, readers would take different parts. Throws Error, with `name` for the file, on anything that is not in order.
/// python/tlmlp/export/archive.py has the same rules.
std::string_view zip_entry(std::string_view archive, std::string_view suffix, const std::string &name);

} // namespace tlmlp::engine
