#include "dav/http/message.h"

#include <algorithm>
#include <array>

namespace http {
namespace {

struct MethodName {
    Method method;
    std::string_view text;
};

constexpr std::array kMethods = {
    MethodName{Method::options, "OPTIONS"},   MethodName{Method::get, "GET"},
    MethodName{Method::head, "HEAD"},         MethodName{Method::put, "PUT"},
    MethodName{Method::delete_, "DELETE"},    MethodName{Method::mkcol, "MKCOL"},
    MethodName{Method::copy, "COPY"},         MethodName{Method::move, "MOVE"},
    MethodName{Method::propfind, "PROPFIND"}, MethodName{Method::proppatch, "PROPPATCH"},
    MethodName{Method::lock, "LOCK"},         MethodName{Method::unlock, "UNLOCK"},
    MethodName{Method::report, "REPORT"},     MethodName{Method::acl, "ACL"},
    MethodName{Method::post, "POST"},         MethodName{Method::patch, "PATCH"},
    MethodName{Method::trace, "TRACE"},       MethodName{Method::mkcalendar, "MKCALENDAR"},
    MethodName{Method::connect, "CONNECT"},
};

struct Size {
    std::uint64_t operator()(std::monostate) const { return 0; }
    std::uint64_t operator()(const std::string& text) const { return text.size(); }
    std::uint64_t operator()(const std::shared_ptr<const std::string>& text) const { return text ? text->size() : 0; }
    std::uint64_t operator()(const FileSlice& slice) const { return slice.length; }
    std::uint64_t operator()(const std::shared_ptr<const Spooled>& spooled) const {
        return spooled ? spooled->size() : 0;
    }
};

}  // namespace

Method method_from(std::string_view text) {
    const auto* row = std::find_if(kMethods.begin(), kMethods.end(), [text](const auto& m) { return m.text == text; });
    return row == kMethods.end() ? Method::other : row->method;
}

std::string_view method_text(Method method) {
    const auto* row =
        std::find_if(kMethods.begin(), kMethods.end(), [method](const auto& m) { return m.method == method; });
    return row == kMethods.end() ? std::string_view{} : row->text;
}

std::uint64_t body_size(const Body& body) {
    return std::visit(Size{}, body);
}

}  // namespace http
