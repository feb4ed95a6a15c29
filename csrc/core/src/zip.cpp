#include "zip.h"

#include <cstdint>

#include "checksum.h"
#include "tlmlp/error.h"

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
constexpr std::uint64_t end_size = 22, locator_size = 20, central_size = 46, local_size = 30;
constexpr std::uint64_t none32 = 0xFFFFFFFF, none16 = 0xFFFF;

struct Directory {
    std::uint64_t offset, entries;
};

Directory find_directory(const Reader &file, const std::string &name) {
    const std::uint64_t size = file.size();
    const std::uint64_t lowest = size > end_size + none16 ? size - end_size - none16 : 0;
    for (std::uint64_t at = size >= end_size ? size - end_size + 1 : 0; at-- > lowest;) {
        if (file.number(at, 4) != end_record) {
            continue;
        }
        Directory directory{file.number(at + 16, 4), file.number(at + 10, 2)};
        if (at >= locator_size && file.number(at - locator_size, 4) == end_locator64) {
            const std::uint64_t record = file.number(at - locator_size + 8, 8);
            file.part(record, 56);
            if (file.number(record, 4) != end_record64) {
                break;
            }
            directory = {file.number(record + 48, 8), file.number(record + 32, 8)};
        }
        return directory;
    }
    throw Error(name + " is not a tlmlp model: it is not a zip archive, or its end is missing; write it again with " +
                "`tlmlp export`");
}

} // namespace

std::string_view zip_entry(std::string_view archive, std::string_view suffix, const std::string &name) {
    const Reader file(archive, name);
    const Directory directory = find_directory(file, name);
    std::uint64_t at = directory.offset;
    for (std::uint64_t k = 0; k < directory.entries; ++k) {
        file.part(at, central_size);
        if (file.number(at, 4) != central_header) {
            throw Error(name + " is damaged: its table of contents is broken at byte " + std::to_string(at));
        }
        const std::uint64_t method = file.number(at + 10, 2), crc = file.number(at + 16, 4);
        std::uint64_t packed = file.number(at + 20, 4), size = file.number(at + 24, 4);
        const std::uint64_t name_size = file.number(at + 28, 2), extra_size = file.number(at + 30, 2);
        const std::uint64_t comment_size = file.number(at + 32, 2);
        std::uint64_t local = file.number(at + 42, 4);
        const std::string_view path = file.part(at + central_size, name_size);
        if (!path.ends_with(suffix)) {
            at += central_size + name_size + extra_size + comment_size;
            continue;
        }
        // zip64: the fields that are all ones here follow in order in the extra field 0x0001.
        const std::uint64_t extra = at + central_size + name_size;
        file.part(extra, extra_size);
        for (std::uint64_t e = extra; e + 4 <= extra + extra_size;) {
            std::uint64_t field = e + 4;
            if (file.number(e, 2) == 1) {
                for (std::uint64_t *value : {&size, &packed, &local}) {
                    if (*value == none32) {
                        *value = file.number(field, 8);
                        field += 8;
                    }
                }
            }
            e += 4 + file.number(e + 2, 2);
        }
        if (method != 0 || packed != size) {
            throw Error(name + ": the entry " + std::string(path) + " is compressed; write the file with `tlmlp export`");
        }
        if (file.number(local, 4) != local_header) {
            throw Error(name + " is damaged: the entry " + std::string(path) + " is not where it should be");
        }
        file.part(local, local_size);
        const std::string_view data =
            file.part(local + local_size + file.number(local + 26, 2) + file.number(local + 28, 2), size);
        if (crc32(data) != crc) {
            throw Error(name + " is damaged: the checksum of " + std::string(path) + " is wrong; copy or export it again");
        }
        return data;
    }
    throw Error(name + " is not a tlmlp model: it has no entry " + std::string(suffix) +
                "; write it with `tlmlp export`");
}

} // namespace tlmlp::engine
