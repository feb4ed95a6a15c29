// SPDX-License-Identifier: GPL-2.0-only
// Part of tlmlp. Distributed under the GNU General Public License, version 2; see the file LICENSE beside this one.

// libtorch does not compare the archive's entries with their checksums, and its interpreter trusts what it reads. So
// the directory of the archive is read here first, and the backend checks every entry before libtorch runs any of it.

#include "archive_check.h"

#include "nlohmann/json.hpp"

#include <array>
#include <cmath>
#include <stdexcept>

namespace tlmlp_lammps {

namespace {

constexpr std::size_t end_size = 22, end64_size = 56, locator_size = 20, central_size = 46;
constexpr std::uint32_t end_magic = 0x06054b50, end64_magic = 0x06064b50, locator_magic = 0x07064b50,
                        central_magic = 0x02014b50;

[[noreturn]] void damaged() { throw std::runtime_error("it is no zip archive, or it is damaged or cut short"); }

/// Little-endian number of `width` bytes at `offset`.
std::uint64_t number(const std::string &content, std::size_t offset, int width)
{
  if (offset > content.size() || content.size() - offset < static_cast<std::size_t>(width)) damaged();
  std::uint64_t value = 0;
  for (int k = width - 1; k >= 0; --k) value = (value << 8) | static_cast<unsigned char>(content[offset + k]);
  return value;
}

/// Offset of the end record: the last one whose comment ends with the file.
std::size_t find_end(const std::string &content)
{
  if (content.size() < end_size) damaged();
  const std::size_t last = content.size() - end_size;
  const std::size_t first = last > 0xffff ? last - 0xffff : 0;
  for (std::size_t offset = last + 1; offset-- > first;)
    if (number(content, offset, 4) == end_magic &&
        offset + end_size + number(content, offset + 20, 2) == content.size())
      return offset;
  damaged();
}

}    // namespace

std::vector<ArchiveEntry> archive_entries(const std::string &content)
{
  const std::size_t end = find_end(content);
  std::uint64_t count = number(content, end + 10, 2);
  std::uint64_t offset = number(content, end + 16, 4);
  if (end >= locator_size && number(content, end - locator_size, 4) == locator_magic) {
    const std::uint64_t end64 = number(content, end - locator_size + 8, 8);
    if (end64 > content.size() || content.size() - end64 < end64_size || number(content, end64, 4) != end64_magic)
      damaged();
    count = number(content, end64 + 32, 8);
    offset = number(content, end64 + 48, 8);
  }
  if (count > content.size() / central_size) damaged();

  std::vector<ArchiveEntry> entries;
  for (std::uint64_t n = 0; n < count; ++n) {
    if (offset > content.size() || content.size() - offset < central_size ||
        number(content, offset, 4) != central_magic)
      damaged();
    const std::size_t name = number(content, offset + 28, 2), extra = number(content, offset + 30, 2),
                      comment = number(content, offset + 32, 2);
    if (content.size() - offset < central_size + name + extra + comment) damaged();
    entries.push_back({content.substr(offset + central_size, name),
                       static_cast<std::uint32_t>(number(content, offset + 16, 4))});
    offset += central_size + name + extra + comment;
  }
  return entries;
}

std::uint32_t crc32(const void *data, std::size_t size)
{
  static const auto table = [] {
    std::array<std::uint32_t, 256> rows{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t value = n;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1u) ? 0xedb88320u ^ (value >> 1) : value >> 1;
      rows[n] = value;
    }
    return rows;
  }();
  const auto *bytes = static_cast<const unsigned char *>(data);
  std::uint32_t value = 0xffffffffu;
  for (std::size_t n = 0; n < size; ++n) value = table[(value ^ bytes[n]) & 0xffu] ^ (value >> 8);
  return value ^ 0xffffffffu;
}

ModelHeader parse_header(const std::string &json_text)
{
  using json = nlohmann_lmp::json;
  const json header = json::parse(json_text, nullptr, false);
  if (!header.is_object() || header.value("format", json()) != "tlmlp-model")
    throw std::runtime_error("its tlmlp.json is damaged");
  const json version = header.value("format_version", json());
  if (!version.is_string() || version.get<std::string>().rfind("1.", 0) != 0)
    throw std::runtime_error("its format version is " + version.dump() + " and this build reads 1.x; update tlmlp");

  ModelHeader out;
  const json species = header.value("species", json());
  const json cutoff = header.value("cutoff", json());
  if (!species.is_array() || species.empty() || !cutoff.is_number())
    throw std::runtime_error("its tlmlp.json lacks species or cutoff");
  for (const auto &symbol : species) {
    if (!symbol.is_string()) throw std::runtime_error("its tlmlp.json has a species that is no text");
    out.species.push_back(symbol.get<std::string>());
  }
  out.cutoff = cutoff.get<double>();
  if (!(out.cutoff > 0.0 && std::isfinite(out.cutoff)))
    throw std::runtime_error("its tlmlp.json has a cutoff that is no positive number");
  const json least = header.value("min_distance", json());
  if (least.is_number()) out.min_distance = least.get<double>();
  out.zbl = header.value("zbl", json()).is_object();
  return out;
}

}    // namespace tlmlp_lammps
