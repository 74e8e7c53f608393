#include "dav/dav_handler.h"

#include <array>
#include <string>
#include <utility>

#include "dav/error.h"
#include "dav/hot_files.h"
#include "dav/methods/methods.h"
#include "dav/methods/representation.h"
#include "dav/preconditions.h"
#include "dav/registry.h"
#include "dav/request_headers.h"
#include "storage/base/failure.h"
#include "storage/root_state.h"
#include "storage/store.h"

namespace dav {

namespace {

using http::Method;

// A body that no method here reads: some clients send one all the same.
constexpr std::uint64_t kIgnoredBodyBytesMax = 64 * 1024;

enum class BodyUse : std::uint8_t { ignored, xml, report };

enum class Access : std::uint8_t { reads, writes };

struct MethodDef {
    Method method;
    Access access;
    BodyUse body;
    // What it changes of what the Request-URI names, for the check before a body is read; `run` checks all of it again.
    Touch touch;
    http::Response (*run)(Call& call, http::Request& request);
    http::Verdict (*accept)(Call& call) = nullptr;  // decides about a body that is streamed
};

// Methods without a row are answered with 405 and what the resource allows.
constexpr std::array kMethods = {
    // RFC 9110 §9.3
    MethodDef{Method::options, Access::reads, BodyUse::ignored, Touch::nothing, method::options},
    MethodDef{Method::get, Access::reads, BodyUse::ignored, Touch::nothing, method::get},
    MethodDef{Method::head, Access::reads, BodyUse::ignored, Touch::nothing, method::get},
    MethodDef{Method::put, Access::writes, BodyUse::ignored, Touch::content, method::put, method::accept_put},
    MethodDef{Method::post, Access::writes, BodyUse::ignored, Touch::content, method::post, method::accept_post},
    MethodDef{Method::delete_, Access::writes, BodyUse::ignored, Touch::binding, method::remove},
    // RFC 4918 §9
    MethodDef{Method::propfind, Access::reads, BodyUse::xml, Touch::nothing, method::propfind},
    MethodDef{Method::proppatch, Access::writes, BodyUse::xml, Touch::content, method::proppatch},
    MethodDef{Method::mkcol, Access::writes, BodyUse::xml, Touch::content, method::mkcol},
    MethodDef{Method::copy, Access::writes, BodyUse::ignored, Touch::nothing, method::copy},
    MethodDef{Method::move, Access::writes, BodyUse::ignored, Touch::binding, method::move},
    MethodDef{Method::lock, Access::writes, BodyUse::xml, Touch::nothing, method::lock},
    MethodDef{Method::unlock, Access::writes, BodyUse::ignored, Touch::nothing, method::unlock},
    // RFC 3253 §3.6
    MethodDef{Method::report, Access::reads, BodyUse::report, Touch::nothing, method::report},
};

const MethodDef* find(Method method) {
    for (const MethodDef& row : kMethods) {
        if (row.method == method) return &row;
    }
    return nullptr;
}

// Whether the method can do anything to what the target is: `run` says the same, and both before what locks and
// conditions say.
void require_applicable(Method method, const Target& target) {
    if (method != Method::mkcol) return require_found(target);
    if (target.exists()) refuse_method(target);
    require_creatable(target);
}

// A body that a lock or a condition makes useless is not asked for (no 100 Continue). Rights come first: where they
// lack, `run` says so.
void refuse_before_body(Call& call, Touch touch) {
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree || !target.rights.write) return;
    call.context.store.read([&](storage::ReadTxn& txn) {
        locate(txn, target);
        require_applicable(call.head.method, target);
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
    // Before any octet is taken: what would be staged now might go to the wrong disk.
    if (row->access == Access::writes) call.context.store.state().require_writable();
    if (row->accept) return row->accept(call);
    if (row->touch != Touch::nothing && call.head.has_body()) refuse_before_body(call, row->touch);
    http::Verdict verdict;
    switch (row->body) {
        case BodyUse::ignored: verdict.memory_limit = kIgnoredBodyBytesMax; break;
        case BodyUse::xml: verdict.memory_limit = call.context.limits.xml_bytes_max; break;
        case BodyUse::report: verdict.memory_limit = call.context.limits.report_bytes_max; break;
    }
    verdict.body_deadline_ms = call.context.limits.xml_body_deadline_ms;
    return verdict;
}

// RFC 8144 §3.2: a write that failed because the file is another by now may be answered with that file.
std::optional<http::Response> failed_with_representation(Call& call, const DavError& error) {
    if (error.status() != http::Status::precondition_failed) return std::nullopt;
    const bool reads = call.head.method == Method::get || call.head.method == Method::head;
    if (reads || return_of(call.head) != Return::representation) return std::nullopt;
    Target target = aim(call.context, call.caller, call.head);
    if (target.place != Place::tree) return std::nullopt;
    call.context.store.read([&](storage::ReadTxn& txn) { locate(txn, target); });
    if (!target.exists() || target.is_collection() || target.slash) return std::nullopt;
    http::Response response = method::representation(call, target);
    response.status = http::Status::precondition_failed;
    return response;
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
    try {
        return decide(call);
    } catch (const DavError& error) {  // says more about it than the pipeline can
        auto answer = failed_with_representation(call, error);
        if (!answer) throw;
        http::Verdict verdict;
        verdict.answer = *std::move(answer);
        return verdict;
    }
}

http::Response DavHandler::run(http::Request request, const Caller& caller) {
    Call call{state_->context, state_->registry, state_->hot, caller, request.head};
    const MethodDef* row = find(request.head.method);
    CHECK(row);  // accept has refused all others
    try {
        return row->run(call, request);
    } catch (const DavError& error) {  // as in accept
        auto answer = failed_with_representation(call, error);
        if (!answer) throw;
        return *std::move(answer);
    }
}

std::optional<http::Response> DavHandler::answer_now(const http::RequestHead& head, const Caller& caller) {
    return state_->hot.answer(head, caller);
}

}  // namespace dav
