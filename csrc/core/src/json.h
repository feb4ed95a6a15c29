#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tlmlp::engine {

/// A JSON value. Reading is strict: RFC 8259 in UTF-8, no key twice in one object, at most 32 brackets open, whole
/// numbers without point or exponent. It is bounded in memory. Every accessor throws Error with the path of the value
/// when the type is not the one asked for. python/tlmlp/export/strict_json.py has the same rules. A library would
/// replace only the third of this that splits text into tokens, and every host that compiles this would need it.
class Json {
  public:
    enum class Type { null, boolean, number, string, array, object };

    /// What a text may cost. Values of an unknown key are checked and counted, but not kept.
    struct Limits {
        std::size_t bytes = std::size_t(4) << 20;
        std::size_t values = 250000; ///< lists, objects and members included; about 100 bytes of memory each
        /// Keys of the outermost object whose values are kept; empty: all.
        std::vector<std::string_view> known = {};
    };

    /// `name` is how errors call the text.
    static Json parse(std::string_view text, const std::string &name, const Limits &limits);
    static Json parse(std::string_view text, const std::string &name) { return parse(text, name, Limits()); }

    Type type() const { return static_cast<Type>(value_.index()); }
    bool is_null() const { return type() == Type::null; }
    std::string path() const;

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
    struct Number {
        double value;
        bool whole;
    };
    /// Where a value stands; the elements of a list share that of the list.
    struct Place {
        std::shared_ptr<const Place> parent;
        std::string key;
    };
    template <class Value> const Value &as(const char *expected) const;

    std::variant<std::monostate, bool, Number, std::string, std::vector<Json>,
                 std::vector<std::pair<std::string, Json>>>
        value_;
    std::shared_ptr<const Place> place_;
};

} // namespace tlmlp::engine
