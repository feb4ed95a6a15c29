#pragma once

/// Model files for hosts that run their TorchScript: the same reader and the same rules as the engine's.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tlmlp/engine.h"

namespace tlmlp {

/// What a file written by `tlmlp export` says about itself, after all that the engine reads of it has been checked.
/// Throws Error; `name` stands for the file in messages.
ModelInfo read_model_info(std::string_view bytes, const std::string &name);

/// A file inside an archive, as the table of contents describes it.
struct ArchiveEntry {
    std::string path;
    std::uint32_t checksum = 0; ///< CRC-32 of its contents, unpacked

    /// Whether these are its contents, by the checksum.
    bool holds(std::string_view contents) const;
};

/// All entries of a zip archive, every offset checked. Throws Error.
std::vector<ArchiveEntry> archive_entries(std::string_view bytes, const std::string &name);

} // namespace tlmlp
