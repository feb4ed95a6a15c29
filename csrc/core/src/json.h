#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tlmlp::engine {

/// A JSON value. Reading is strict (RFC 8259, no duplicate keys) and bounded in depth; every accessor throws Error with
/// the path of the value when the type is not the one asked for.
class Json {
  public:
    enum class Type { null, boolean, number, string, array, object };

    /// `name` is how errors call the text.
    static Json parse(std::string_view text, const std::string &name);

    Type type() const { return type_; }
    bool is_null() const { return type_ == Type::null; }
    const std::string &path() const { return path_; }

    double number() const;
    /// A whole number in [low, high].
    std::int64_t integer(std::int64_t low, std::int64_t high) const;
    bool boolean() const;
    const std::string &string() const;
    const std::vector<Json> &array() const;
    const std::vector<std::pair<std::string, Json>> &object() const;

    /// Member of an object: `find` returns null where it is absent, `at` throws.
    const Json *find(std::string_view key) const;
    const Json &at(std::string_view key) const;

  private:
    friend class JsonParser;
    [[noreturn]] void wrong_type(const char *expected) const;

    Type type_ = Type::null;
    std::string path_;
    double number_ = 0.0;
    bool boolean_ = false;
    std::string string_;
    std::vector<Json> array_;
    std::vector<std::pair<std::string, Json>> object_;
};

} // namespace tlmlp::engine
