#include "json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tlmlp/error.h"
#include "words.h"

namespace tlmlp::engine {

namespace {

constexpr int max_depth = 32;
const char *const type_names[] = {"null", "true or false", "a number", "a string", "a list", "an object"};

/// Position of the first byte that is not UTF-8 (RFC 3629), or the size of the text.
std::size_t utf8_end(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const int more = lead < 0x80 ? 0 : lead >> 5 == 0x6 ? 1 : lead >> 4 == 0xE ? 2 : lead >> 3 == 0x1E ? 3 : -1;
        if (more < 0 || static_cast<std::size_t>(more) >= text.size() - at) {
            return at;
        }
        std::uint32_t code = more == 0 ? lead : lead & (0x3F >> more);
        for (int k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[at + k]);
            if (next >> 6 != 0x2) {
                return at;
            }
            code = code << 6 | (next & 0x3F);
        }
        constexpr std::uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
        if (code < lowest[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            return at;
        }
        at += 1 + static_cast<std::size_t>(more);
    }
    return at;
}

} // namespace

std::string shown_path(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t good = utf8_end(path);
        for (const char c : path.substr(0, good)) {
            out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
        }
        out += good < path.size() ? "?" : "";
        path.remove_prefix(std::min(good + 1, path.size()));
    }
    return out;
}

class JsonParser {
  public:
    JsonParser(std::string_view text, const std::string &name, const Json::Limits &limits)
        : text_(text), name_(name), limits_(limits) {}

    Json document() {
        if (text_.size() > limits_.bytes) {
            throw Error(name_ + " has " + std::to_string(text_.size()) + " bytes, more than the " +
                        std::to_string(limits_.bytes) + " allowed");
        }
        at_ = utf8_end(text_);
        if (at_ != text_.size()) {
            fail("not UTF-8");
        }
        at_ = 0;
        Json value;
        value.place_ = std::make_shared<const Json::Place>(Json::Place{nullptr, name_});
        parse_value(&value, 0);
        skip_space();
        if (at_ != text_.size()) {
            fail("text after the end of the document");
        }
        return value;
    }

  private:
    [[noreturn]] void fail(const std::string &what) const {
        throw Error(name_ + " is not valid JSON: " + what + " at byte " + std::to_string(at_));
    }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }

    bool take(char c) {
        skip_space();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    bool take_word(std::string_view word) {
        if (text_.substr(at_, word.size()) == word) {
            at_ += word.size();
            return true;
        }
        return false;
    }

    /// One value, written to `value` or, where that is null, checked and forgotten.
    void parse_value(Json *value, int depth) {
        if (++count_ > limits_.values) {
            fail("more than " + std::to_string(limits_.values) + " values");
        }
        skip_space();
        if (at_ >= text_.size()) {
            fail("unexpected end");
        }
        const char c = text_[at_];
        if (c == '{' || c == '[') {
            if (depth >= max_depth) {
                fail("lists nested too deeply");
            }
            ++at_;
            c == '{' ? parse_object(value, depth) : parse_array(value, depth);
        } else if (c == '"') {
            std::string text = parse_string();
            if (value) {
                value->value_ = std::move(text);
            }
        } else if (take_word("true") || take_word("false")) {
            if (value) {
                value->value_ = c == 't';
            }
        } else if (!take_word("null")) {
            const Json::Number number = parse_number();
            if (value) {
                value->value_ = number;
            }
        }
    }

    bool is_known(std::string_view key, int depth) const {
        return depth > 0 || limits_.known.empty() ||
               std::find(limits_.known.begin(), limits_.known.end(), key) != limits_.known.end();
    }

    void parse_object(Json *value, int depth) {
        std::vector<std::pair<std::string, Json>> members;
        std::vector<std::string> keys;
        if (!take('}')) {
            do {
                skip_space();
                if (at_ >= text_.size() || text_[at_] != '"') {
                    fail("expected a key");
                }
                keys.push_back(parse_string());
                if (!take(':')) {
                    fail("expected ':'");
                }
                Json *member = nullptr;
                if (value && is_known(keys.back(), depth)) {
                    member = &members.emplace_back(keys.back(), Json()).second;
                    member->place_ = std::make_shared<const Json::Place>(Json::Place{value->place_, keys.back()});
                }
                parse_value(member, depth + 1);
            } while (take(','));
            if (!take('}')) {
                fail("expected ',' or '}'");
            }
        }
        std::sort(keys.begin(), keys.end());
        if (const auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end()) {
            fail("key " + in_quotes(*twice) + " given twice");
        }
        if (value) {
            value->value_ = std::move(members);
        }
    }

    void parse_array(Json *value, int depth) {
        std::vector<Json> items;
        if (!take(']')) {
            do {
                Json *item = nullptr;
                if (value) {
                    item = &items.emplace_back();
                    item->place_ = value->place_;
                }
                parse_value(item, depth + 1);
            } while (take(','));
            if (!take(']')) {
                fail("expected ',' or ']'");
            }
        }
        if (value) {
            value->value_ = std::move(items);
        }
    }

    bool take_digits() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
            ++at_;
        }
        return at_ > begin;
    }

    Json::Number parse_number() {
        const std::size_t begin = at_;
        take_word("-");
        const bool zero = take_word("0");
        if (!zero && !take_digits()) {
            fail("unexpected character");
        }
        Json::Number number{0.0, true};
        if (take_word(".")) {
            number.whole = false;
            if (!take_digits()) {
                fail("a point without digits");
            }
        }
        if (take_word("e") || take_word("E")) {
            number.whole = false;
            take_word("+") || take_word("-");
            if (!take_digits()) {
                fail("an exponent without digits");
            }
        }
        const char *end = text_.data() + at_;
        const auto [next, status] = std::from_chars(text_.data() + begin, end, number.value);
        if (status != std::errc() || next != end || !std::isfinite(number.value)) {
            fail("a number out of range");
        }
        return number;
    }

    unsigned hex4() {
        unsigned code = 0;
        const char *begin = text_.data() + at_;
        if (text_.size() - at_ < 4 || std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4) {
            fail("a wrong \\u escape");
        }
        at_ += 4;
        return code;
    }

    void append_utf8(std::string &out, unsigned code) {
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xC0 | code >> 6);
            out += static_cast<char>(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            out += static_cast<char>(0xE0 | code >> 12);
            out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
            out += static_cast<char>(0x80 | (code & 0x3F));
        } else {
            out += static_cast<char>(0xF0 | code >> 18);
            out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
            out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
            out += static_cast<char>(0x80 | (code & 0x3F));
        }
    }

    std::string parse_string() {
        ++at_;
        std::string out;
        while (true) {
            if (at_ >= text_.size()) {
                fail("a string without end");
            }
            const char c = text_[at_++];
            if (c == '"') {
                return out;
            }
            if (static_cast<unsigned char>(c) < 0x20) {
                fail("a control character in a string");
            }
            if (c != '\\') {
                out += c;
                continue;
            }
            const char escape = at_ < text_.size() ? text_[at_++] : '\0';
            constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
            if (const auto k = from.find(escape); k != std::string_view::npos) {
                out += to[k];
            } else if (escape == 'u') {
                unsigned code = hex4();
                if (code >= 0xD800 && code < 0xE000) {
                    const unsigned low = code < 0xDC00 && take_word("\\u") ? hex4() : 0;
                    if (low < 0xDC00 || low > 0xDFFF) {
                        fail("a wrong surrogate pair");
                    }
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                append_utf8(out, code);
            } else {
                fail("an unknown escape");
            }
        }
    }

    std::string_view text_;
    const std::string &name_;
    const Json::Limits &limits_;
    std::size_t at_ = 0, count_ = 0;
};

Json Json::parse(std::string_view text, const std::string &name, const Limits &limits) {
    return JsonParser(text, name, limits).document();
}

std::string Json::path() const {
    std::string out;
    const Place *place = place_.get();
    for (; place && place->parent; place = place->parent.get()) {
        const std::string key = in_quotes(place->key);
        out = "." + key.substr(1, key.size() - 2) + out;
    }
    return (place ? place->key : std::string()) + out;
}

template <class Value> const Value &Json::as(const char *expected) const {
    const Value *value = std::get_if<Value>(&value_);
    if (!value) {
        throw Error(path() + " must be " + expected + ", got " + type_names[value_.index()]);
    }
    return *value;
}

double Json::number() const { return as<Number>("a number").value; }

std::int64_t Json::integer(std::int64_t low, std::int64_t high) const {
    const auto [value, whole] = as<Number>("a number");
    if (!whole || value < static_cast<double>(low) || value > static_cast<double>(high)) {
        throw Error(path() + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                    ", got " + std::to_string(value));
    }
    return static_cast<std::int64_t>(value);
}

bool Json::boolean() const { return as<bool>("true or false"); }

const std::string &Json::string() const { return as<std::string>("a string"); }

const std::vector<Json> &Json::array() const { return as<std::vector<Json>>("a list"); }

const std::vector<std::pair<std::string, Json>> &Json::object() const {
    return as<std::vector<std::pair<std::string, Json>>>("an object");
}

const Json *Json::find(std::string_view key) const {
    for (const auto &[name, value] : object()) {
        if (name == key) {
            return &value;
        }
    }
    return nullptr;
}

const Json &Json::at(std::string_view key) const {
    const Json *value = find(key);
    if (!value) {
        throw Error(path() + " has no key " + in_quotes(key));
    }
    return *value;
}

} // namespace tlmlp::engine
