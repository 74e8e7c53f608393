#pragma once

#include "dav/context.h"
#include "dav/hot_files.h"
#include "dav/http/handler.h"
#include "dav/registry.h"
#include "dav/target.h"

namespace dav {

// Everything a method needs for one request; lives on the stack of DavHandler.
struct Call {
    Context& context;
    const Registry& registry;
    HotFiles& hot;
    const Caller& caller;
    const http::RequestHead& head;

    storage::Author author() const {
        storage::Author made;
        made.actor = caller.uid;
        return made;
    }
};

// The methods, one file each. `run` functions get the body as the verdict of `accept` arranged it; both may throw
// DavError and base::Failure.
namespace method {

http::Response options(Call& call, http::Request& request);
http::Response get(Call& call, http::Request& request);  // and HEAD
http::Verdict accept_put(Call& call);
http::Response put(Call& call, http::Request& request);
http::Verdict accept_post(Call& call);
http::Response post(Call& call, http::Request& request);
http::Response remove(Call& call, http::Request& request);
http::Response mkcol(Call& call, http::Request& request);
http::Response copy(Call& call, http::Request& request);
http::Response move(Call& call, http::Request& request);
http::Response propfind(Call& call, http::Request& request);
http::Response proppatch(Call& call, http::Request& request);
http::Response lock(Call& call, http::Request& request);
http::Response unlock(Call& call, http::Request& request);
http::Response report(Call& call, http::Request& request);

}  // namespace method

// The methods a resource allows now, for Allow and for 405 (RFC 9110 §10.2.1).
std::string allowed_methods(const Target& target);
// 405 with its Allow.
[[noreturn]] void refuse_method(const Target& target);

// What an answer that describes resources says of itself: Cache-Control, Vary, the preference it followed, and where
// the target's slash was missing its real URL (RFC 4918 §5.2).
enum class Root : std::uint8_t { described, left_out };  // left out: Prefer: depth-noroot was followed
void add_listing_fields(http::Response& response, const Call& call, const Target& target, Root root = Root::described);

// The members of a synthetic collection that the caller may see, in name order: `each(name, place, principal)`.
void for_each_member(const Context& context, const Caller& caller, const Target& target,
                     const std::function<void(const std::string& name, const storage::Principal* principal)>& each);

}  // namespace dav
