// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tlmlp_lammps {

/// One file inside a zip archive, as the archive's directory describes it.
struct ArchiveEntry {
  std::string name;
  std::uint32_t crc = 0;
};

/// What tlmlp.json says that a host needs.
struct ModelHeader {
  std::vector<std::string> species;
  double cutoff = 0.0;          ///< Å
  double min_distance = 0.0;    ///< Å, 0 when absent
  bool zbl = false;             ///< whether the model has a ZBL repulsion of its own
};

/// The entries of the zip archive in `content`, every offset and size checked. Throws std::runtime_error.
std::vector<ArchiveEntry> archive_entries(const std::string &content);

/// CRC-32 as zip archives use it.
std::uint32_t crc32(const void *data, std::size_t size);

/// Reads the text of tlmlp.json. Throws std::runtime_error on an unknown major format version or missing keys.
ModelHeader parse_header(const std::string &json_text);

}    // namespace tlmlp_lammps
