#include "zip.h"

#include <cstdint>
#include <optional>

#include "checksum.h"
#include "tlmlp/archive.h"
#include "tlmlp/error.h"
#include "words.h"

namespace tlmlp::engine {

namespace {

/// Little-endian numbers at offsets that are checked against the end of the file.
class Reader {
  public:
    Reader(std::string_view bytes, const std::string &name) : bytes_(bytes), name_(name) {}

    std::string_view part(std::uint64_t at, std::uint64_t n) const {
        if (at > bytes_.size() || n > bytes_.size() - at) {
            throw Error(name_ + " is truncated or damaged: it points to bytes " + std::to_string(at) + " to " +
                        std::to_string(at + n) + " of " + std::to_string(bytes_.size()));
        }
        return bytes_.substr(at, n);
    }

    std::uint64_t number(std::uint64_t at, int n) const {
        const std::string_view text = part(at, static_cast<std::uint64_t>(n));
        std::uint64_t value = 0;
        for (int k = n - 1; k >= 0; --k) {
            value = value << 8 | static_cast<unsigned char>(text[k]);
        }
        return value;
    }

    std::uint64_t size() const { return bytes_.size(); }

  private:
    std::string_view bytes_;
    const std::string &name_;
};

constexpr std::uint64_t local_header = 0x04034b50, central_header = 0x02014b50, end_record = 0x06054b50,
                        end_record64 = 0x06064b50, end_locator64 = 0x07064b50;
constexpr std::uint64_t end_size = 22, end_size64 = 56, locator_size = 20, central_size = 46, local_size = 30;
constexpr std::uint64_t none32 = 0xFFFFFFFF, encrypted = 1;

struct Directory {
    std::uint64_t offset, size, entries;
};

[[noreturn]] void refuse(const std::string &name, const std::string &reason) {
    throw Error(name + " is damaged, or more than one archive: " + reason);
}

Directory find_directory(const Reader &file, const std::string &name) {
    if (file.size() < end_size || file.number(file.size() - end_size, 4) != end_record) {
        throw Error(name +
                    " is not a tlmlp model: it is not a zip archive, or its end is missing; write it again with " +
                    "`tlmlp export`");
    }
    std::uint64_t end = file.size() - end_size;
    Directory directory{file.number(end + 16, 4), file.number(end + 12, 4), file.number(end + 10, 2)};
    if (file.number(end + 20, 2) != 0) {
        refuse(name, "its end record has a comment");
    }
    if (end >= locator_size && file.number(end - locator_size, 4) == end_locator64) {
        const std::uint64_t record = file.number(end - locator_size + 8, 8);
        file.part(record, end_size64);
        if (file.number(record, 4) != end_record64 || record + end_size64 != end - locator_size) {
            refuse(name, "its end record is not where it should be");
        }
        directory = {file.number(record + 48, 8), file.number(record + 40, 8), file.number(record + 32, 8)};
        end = record;
    }
    file.part(directory.offset, directory.size);
    if (directory.offset + directory.size != end) {
        refuse(name, "its table of contents does not end at the end record");
    }
    return directory;
}

struct Entry {
    std::string_view path;
    std::uint64_t flags, method, crc, packed, size, local;
};

/// The entry of the table at `at`, which is moved behind it.
Entry read_entry(const Reader &file, std::uint64_t &at, const std::string &name) {
    file.part(at, central_size);
    if (file.number(at, 4) != central_header) {
        throw Error(name + " is damaged: its table of contents is broken at byte " + std::to_string(at));
    }
    const std::uint64_t path_size = file.number(at + 28, 2), extra_size = file.number(at + 30, 2);
    Entry entry{file.part(at + central_size, path_size),
                file.number(at + 8, 2),
                file.number(at + 10, 2),
                file.number(at + 16, 4),
                file.number(at + 20, 4),
                file.number(at + 24, 4),
                file.number(at + 42, 4)};
    // zip64: the fields that are all ones here follow in order in the extra field 0x0001.
    const std::uint64_t extra = at + central_size + path_size;
    file.part(extra, extra_size);
    for (std::uint64_t e = extra; e + 4 <= extra + extra_size;) {
        std::uint64_t field = e + 4;
        if (file.number(e, 2) == 1) {
            for (std::uint64_t *value : {&entry.size, &entry.packed, &entry.local}) {
                if (*value == none32) {
                    *value = file.number(field, 8);
                    field += 8;
                }
            }
        }
        e += 4 + file.number(e + 2, 2);
    }
    at = extra + extra_size + file.number(at + 32, 2);
    return entry;
}

/// visit(entry) for every entry of the table of contents.
template <class Visit> void walk(const Reader &file, const std::string &name, Visit &&visit) {
    const Directory directory = find_directory(file, name);
    std::uint64_t at = directory.offset;
    for (std::uint64_t k = 0; k < directory.entries; ++k) {
        visit(read_entry(file, at, name));
    }
    if (at != directory.offset + directory.size) {
        refuse(name, "its table of contents has another length than its end record says");
    }
}

} // namespace

std::string_view zip_entry(std::string_view archive, std::string_view suffix, const std::string &name) {
    const Reader file(archive, name);
    std::optional<Entry> found;
    walk(file, name, [&](const Entry &entry) {
        if (entry.path.ends_with(suffix)) {
            if (found) {
                throw Error(name + " holds " + std::string(suffix) + " more than once");
            }
            found = entry;
        }
    });
    if (!found) {
        throw Error(name + " is not a tlmlp model: it has no entry " + std::string(suffix) +
                    "; write it with `tlmlp export`");
    }
    const std::string path = in_quotes(found->path);
    if (found->method != 0 || found->packed != found->size || (found->flags & encrypted) != 0) {
        throw Error(name + ": the entry " + path + " is compressed or encrypted; write the file with `tlmlp export`");
    }
    if (file.number(found->local, 4) != local_header) {
        throw Error(name + " is damaged: the entry " + path + " is not where it should be");
    }
    file.part(found->local, local_size);
    const std::uint64_t names = file.number(found->local + 26, 2) + file.number(found->local + 28, 2);
    const std::string_view data = file.part(found->local + local_size + names, found->size);
    if (crc32(data) != found->crc) {
        throw Error(name + " is damaged: the checksum of " + path + " is wrong; copy or export it again");
    }
    return data;
}

} // namespace tlmlp::engine

std::vector<tlmlp::ArchiveEntry> tlmlp::archive_entries(std::string_view bytes, const std::string &name) {
    std::vector<ArchiveEntry> entries;
    engine::walk(engine::Reader(bytes, name), name, [&](const engine::Entry &entry) {
        entries.push_back({std::string(entry.path), static_cast<std::uint32_t>(entry.crc)});
    });
    return entries;
}

bool tlmlp::ArchiveEntry::holds(std::string_view contents) const { return engine::crc32(contents) == checksum; }
