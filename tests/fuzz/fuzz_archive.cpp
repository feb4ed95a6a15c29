// The table of contents of an archive, of which the plugin on TorchScript compares every entry. Right is a list, and for
// each entry that can be read alone the same checksum, or tlmlp::Error in one line. The seeds were written by Python's
// zipfile, and by torch.save, whose archives are zip64.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tlmlp/archive.h"
#include "tlmlp/error.h"
#include "zip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char *>(data), size);
    try {
        for (const tlmlp::ArchiveEntry &entry : tlmlp::archive_entries(bytes, "x.pt")) {
            try {
                const std::string_view contents = tlmlp::engine::zip_entry(bytes, entry.path, "x.pt");
                if (contents.data() < bytes.data() || contents.data() + contents.size() > bytes.data() + size ||
                    !entry.holds(contents)) {
                    std::abort();
                }
            } catch (const tlmlp::Error &) { // compressed, twice there, a wrong checksum; it quotes our suffix
            }
        }
    } catch (const tlmlp::Error &error) {
        if (std::string_view(error.what()).find_first_of("\n\r\033") != std::string_view::npos) {
            std::abort();
        }
    }
    return 0;
}
