#include "dav/dav_handler.h"

#include <array>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/hot_files.h"
#include "dav/methods/methods.h"
#include "dav/preconditions.h"
#include "dav/registry.h"
#include "storage/base/failure.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Method;

// A body that no method here reads: some clients send one all the same.
constexpr std::uint64_t kIgnoredBodyBytesMax = 64 * 1024;

enum class BodyUse : std::uint8_t { ignored, xml, stream };

struct MethodDef {
    Method method;
    BodyUse body;
    // What it changes of what the Request-URI names, for the check before a body is read; `run` checks all of it again.
    Touch touch;
    http::Response (*run)(Call& call, http::Request& request);
};

// Methods without a row are answered with 405 and what the resource allows.
constexpr std::array kMethods = {
    // RFC 9110 §9.3
    MethodDef{Method::options, BodyUse::ignored, Touch::nothing, method::options},
    MethodDef{Method::get, BodyUse::ignored, Touch::nothing, method::get},
    MethodDef{Method::head, BodyUse::ignored, Touch::nothing, method::get},
    MethodDef{Method::put, BodyUse::stream, Touch::content, method::put},
    MethodDef{Method::delete_, BodyUse::ignored, Touch::binding, method::remove},
    // RFC 4918 §9
    MethodDef{Method::propfind, BodyUse::xml, Touch::nothing, method::propfind},
    MethodDef{Method::mkcol, BodyUse::ignored, Touch::content, method::mkcol},
    MethodDef{Method::copy, BodyUse::ignored, Touch::nothing, method::copy},
    MethodDef{Method::move, BodyUse::ignored, Touch::binding, method::move},
    MethodDef{Method::lock, BodyUse::xml, Touch::nothing, method::lock},
    MethodDef{Method::unlock, BodyUse::ignored, Touch::nothing, method::unlock},
};

const MethodDef* find(Method method) {
    for (const MethodDef& row : kMethods) {
        if (row.method == method) return &row;
    }
    return nullptr;
}

// A body that a lock or a condition makes useless is not asked for (no 100 Continue). Rights come first: where they
// lack, `run` says so.
void refuse_before_body(Call& call, Touch touch) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree || !target.rights.write) return;
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        check_preconditions(call, txn, {{target, touch}});
    });
}

http::Verdict decide(Call& call) {
    const MethodDef* row = find(call.head.method);
    if (!row) {
        Target target = aim(call.context, call.caller, call.head);
        call.context.store.read([&](storage::ReadTxn& txn) { locate(txn, target); });
        refuse_method(target);
    }
    if (row->body == BodyUse::stream) return method::accept_put(call);
    if (row->touch != Touch::nothing && call.head.has_body()) refuse_before_body(call, row->touch);
    http::Verdict verdict;
    verdict.memory_limit = row->body == BodyUse::xml ? call.context.limits.xml_bytes_max : kIgnoredBodyBytesMax;
    verdict.body_deadline_ms = call.context.limits.xml_body_deadline_ms;
    return verdict;
}

}  // namespace

struct DavHandler::State {
    State(Context& c, std::span<const Extension* const> extensions) : context(c), registry(extensions), hot(c) {}

    Context& context;
    Registry registry;
    HotFiles hot;
};

DavHandler::DavHandler(Context& context, std::span<const Extension* const> extensions)
    : state_(std::make_unique<State>(context, extensions)) {}

DavHandler::~DavHandler() = default;

http::Verdict DavHandler::accept(const http::RequestHead& head, const Caller& caller) {
    Call call{state_->context, state_->registry, state_->hot, caller, head};
    return decide(call);
}

http::Response DavHandler::run(http::Request request, const Caller& caller) {
    Call call{state_->context, state_->registry, state_->hot, caller, request.head};
    const MethodDef* row = find(request.head.method);
    CHECK(row);  // accept has refused all others
    return row->run(call, request);
}

std::optional<http::Response> DavHandler::answer_now(const http::RequestHead& head, const Caller& caller) {
    return state_->hot.answer(head, caller);
}

}  // namespace dav
