#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dav/acl.h"
#include "dav/conditions.h"
#include "dav/http/message.h"
#include "storage/base/failure.h"

namespace dav {

// Ends a request with a status, or with the status and error body of a condition. `detail` is for the log, never for
// the client. Thrown by value: `throw DavError(cond::need_privileges).needs(href, Privilege::write);`
class DavError final : public std::exception {
  public:
    explicit DavError(http::Status status) : status_(status) {}
    explicit DavError(const Condition& condition) : status_(condition.status), condition_(condition) {}

    DavError&& href(std::string href) && {
        hrefs_.push_back(std::move(href));
        return std::move(*this);
    }
    DavError&& needs(std::string href, Privilege privilege) && {
        hrefs_.push_back(std::move(href));
        needed_ = privilege;
        return std::move(*this);
    }
    // A resource other than the one asked for that stood in the way: the answer is a 207 that names all such members.
    struct Member {
        std::string href;
        http::Status status;
        std::optional<Condition> condition;
        std::vector<std::string> hrefs;  // in the condition's element
    };
    DavError&& member(Member failed) && {
        members_.push_back(std::move(failed));
        return std::move(*this);
    }
    DavError&& header(std::string name, std::string value) && {
        headers_.emplace_back(std::move(name), std::move(value));
        return std::move(*this);
    }
    DavError&& detail(std::string text) && {
        detail_ = std::move(text);
        return std::move(*this);
    }

    const char* what() const noexcept override { return detail_.c_str(); }
    http::Status status() const { return status_; }
    const std::optional<Condition>& condition() const { return condition_; }
    const std::vector<std::string>& hrefs() const { return hrefs_; }
    std::optional<Privilege> needed() const { return needed_; }
    const std::vector<Member>& members() const { return members_; }
    const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }

  private:
    http::Status status_;
    std::optional<Condition> condition_;
    std::vector<std::string> hrefs_;
    std::optional<Privilege> needed_;
    std::vector<Member> members_;
    std::vector<std::pair<std::string, std::string>> headers_;
    std::string detail_;
};

// The answer to a request that ended with it: an error body holds only the condition's element and what belongs in it.
http::Response answer_of(const DavError& error);

// The one mapping of a failed machine: 507 when storage is full, 503 when waiting helps, else 500.
http::Response answer_of(const base::Failure& failure);

}  // namespace dav
