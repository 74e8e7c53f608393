#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

// Header fields in the order they came; names compare without case. Values hold no CR, LF or NUL: the edge refuses them
// on the way in and `add` replaces them by a space on the way out, so no stored name can forge a field.
class Headers {
  public:
    using Field = std::pair<std::string, std::string>;

    void add(std::string_view name, std::string_view value);
    void set(std::string_view name, std::string_view value);  // replaces all of that name
    void remove(std::string_view name);
    std::optional<std::string_view> find(std::string_view name) const;  // the first
    std::string_view get(std::string_view name) const;                  // the first, or ""
    // All values of that name joined with ", " (RFC 9110 §5.3).
    std::optional<std::string> combined(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    bool has(std::string_view name) const { return count(name) > 0; }
    const std::vector<Field>& fields() const { return fields_; }

  private:
    std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace http
