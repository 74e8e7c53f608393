#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "server/core.h"

// What the administrative commands share (commands.h says how they are called).
namespace server {

using Json = nlohmann::json;

// A request that can not be fulfilled; what() is for the person at the command line.
class Refused : public std::runtime_error {
    using runtime_error::runtime_error;
};

// What a command answers: for programs and for people.
class Outcome {
  public:
    Outcome(Json value, std::string text_, int status_ = 0);
    Outcome(Outcome&&) noexcept;
    Outcome& operator=(Outcome&&) noexcept;
    ~Outcome();

    Json& value() { return *value_; }
    const Json& value() const { return *value_; }
    std::string text;
    int status;

  private:
    std::unique_ptr<Json> value_;
};

extern const storage::Author kAdmin;

std::string text_of(const Json& request, const char* name);
bool flag_of(const Json& request, const char* name);
std::string date_text(std::int64_t ms);
// Rows as columns of equal width, the first row being the heading.
std::string columns(const std::vector<std::vector<std::string>>& rows);

std::string kind_text(storage::PrincipalKind kind);
const storage::Principal& principal(const storage::AccountBook& book, const std::string& name,
                                    storage::PrincipalKind kind);

}  // namespace server
