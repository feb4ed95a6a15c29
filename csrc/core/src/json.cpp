#include "json.h"

#include <charconv>
#include <cmath>

#include "tlmlp/error.h"

namespace tlmlp::engine {

namespace {
constexpr int max_depth = 32;
const char *const type_names[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
} // namespace

class JsonParser {
  public:
    JsonParser(std::string_view text, const std::string &name) : text_(text), name_(name) {}

    Json document() {
        Json value = parse_value(name_, 0);
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
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
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

    Json parse_value(const std::string &path, int depth) {
        if (depth > max_depth) {
            fail("lists nested too deeply");
        }
        skip_space();
        Json value;
        value.path_ = path;
        if (at_ >= text_.size()) {
            fail("unexpected end");
        }
        const char c = text_[at_];
        if (c == '{') {
            parse_object(value, depth);
        } else if (c == '[') {
            parse_array(value, depth);
        } else if (c == '"') {
            value.type_ = Json::Type::string;
            value.string_ = parse_string();
        } else if (take_word("true")) {
            value.type_ = Json::Type::boolean;
            value.boolean_ = true;
        } else if (take_word("false")) {
            value.type_ = Json::Type::boolean;
        } else if (!take_word("null")) {
            parse_number(value);
        }
        return value;
    }

    void parse_object(Json &value, int depth) {
        value.type_ = Json::Type::object;
        ++at_;
        if (take('}')) {
            return;
        }
        do {
            skip_space();
            if (at_ >= text_.size() || text_[at_] != '"') {
                fail("expected a key");
            }
            std::string key = parse_string();
            if (value.find(key)) {
                fail("key '" + key + "' given twice");
            }
            if (!take(':')) {
                fail("expected ':'");
            }
            Json member = parse_value(value.path_ + "." + key, depth + 1);
            value.object_.emplace_back(std::move(key), std::move(member));
        } while (take(','));
        if (!take('}')) {
            fail("expected ',' or '}'");
        }
    }

    void parse_array(Json &value, int depth) {
        value.type_ = Json::Type::array;
        ++at_;
        if (take(']')) {
            return;
        }
        do {
            value.array_.push_back(parse_value(value.path_, depth + 1));
        } while (take(','));
        if (!take(']')) {
            fail("expected ',' or ']'");
        }
    }

    void parse_number(Json &value) {
        const char *begin = text_.data() + at_, *end = text_.data() + text_.size();
        // from_chars would take "inf", "nan" and a leading point as well.
        const char *digit = begin + (*begin == '-');
        if (digit >= end || *digit < '0' || *digit > '9') {
            fail("unexpected character");
        }
        const auto [next, status] = std::from_chars(begin, end, value.number_);
        if (status != std::errc() || !std::isfinite(value.number_)) {
            fail("a number out of range");
        }
        value.type_ = Json::Type::number;
        at_ += static_cast<std::size_t>(next - begin);
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
                if (code >= 0xD800 && code < 0xDC00 && take_word("\\u")) {
                    const unsigned low = hex4();
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
    std::string name_;
    std::size_t at_ = 0;
};

Json Json::parse(std::string_view text, const std::string &name) { return JsonParser(text, name).document(); }

void Json::wrong_type(const char *expected) const {
    throw Error(path_ + " must be " + expected + ", got " + type_names[static_cast<int>(type_)]);
}

double Json::number() const {
    if (type_ != Type::number) {
        wrong_type("a number");
    }
    return number_;
}

std::int64_t Json::integer(std::int64_t low, std::int64_t high) const {
    const double value = number();
    if (value != std::floor(value) || value < static_cast<double>(low) || value > static_cast<double>(high)) {
        throw Error(path_ + " must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                    ", got " + std::to_string(value));
    }
    return static_cast<std::int64_t>(value);
}

bool Json::boolean() const {
    if (type_ != Type::boolean) {
        wrong_type("true or false");
    }
    return boolean_;
}

const std::string &Json::string() const {
    if (type_ != Type::string) {
        wrong_type("a string");
    }
    return string_;
}

const std::vector<Json> &Json::array() const {
    if (type_ != Type::array) {
        wrong_type("a list");
    }
    return array_;
}

const std::vector<std::pair<std::string, Json>> &Json::object() const {
    if (type_ != Type::object) {
        wrong_type("an object");
    }
    return object_;
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
        throw Error(path_ + " has no key '" + std::string(key) + "'");
    }
    return *value;
}

} // namespace tlmlp::engine
