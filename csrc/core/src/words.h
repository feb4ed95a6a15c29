#pragma once

#include <string>
#include <string_view>

namespace tlmlp::engine {

/// Words of a file between quotes for a message: at most 60 characters, '?' for what is not printable ASCII, so that an
/// error stays one line and nothing in a file can steer a terminal.
inline std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string out = "'";
    for (const char c : text.substr(0, longest)) {
        out += c >= 0x20 && c < 0x7F ? c : '?';
    }
    return out + (text.size() > longest ? "...'" : "'");
}

/// A path for a message, which goes to readers of UTF-8: as it is, but for what is none and what does not print.
std::string shown_path(std::string_view path);

} // namespace tlmlp::engine
