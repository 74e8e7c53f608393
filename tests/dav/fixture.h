#pragma once

// Ours first: base and Catch2 both have a CHECK, and in tests it is the latter.
#include "dav/dav_handler.h"
#include "dav/error.h"
#include "storage/accounts.h"
#include "storage/store.h"

#include <stdlib.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dav::test {

// A store in a temporary folder with ana and ben, the group family (ana is in it), and DAV in front of it, as the
// pipeline would call it.
class Home {
  public:
    explicit Home(Limits limits = {}) {
        path_ = (std::filesystem::temp_directory_path() / "hearth-dav-XXXXXX").string();
        REQUIRE(::mkdtemp(path_.data()) != nullptr);
        storage::Store::Options options;
        options.root = path_ + "/root";
        store_ = storage::Store::open(
            options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        accounts_ = std::make_unique<storage::Accounts>(*store_);
        ana = user("ana");
        ben = user("ben");
        accounts_->add_group("family", kAdmin);
        accounts_->set_member("family", "ana", true, kAdmin);
        context_ = std::make_unique<Context>(Context{*store_, *accounts_, "", {}, limits});
        handler_ = std::make_unique<DavHandler>(*context_, extensions_);
    }
    ~Home() {
        handler_.reset();
        accounts_.reset();
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;

    using Fields = std::vector<std::pair<std::string, std::string>>;

    static http::RequestHead head(const std::string& method, const std::string& path, const Fields& fields = {}) {
        http::RequestHead made;
        made.method = http::method_from(method);
        made.method_name = method;
        const std::size_t query = path.find('?');
        made.path = path.substr(0, query);
        if (query != std::string::npos) made.query = path.substr(query + 1);
        made.host = "home.example:8443";
        for (const auto& [name, value] : fields) made.headers.add(name, value);
        return made;
    }

    http::Response ask(const Caller& caller, const std::string& method, const std::string& path,
                       const Fields& fields = {}, const std::string& body = "") {
        http::RequestHead request_head = head(method, path, fields);
        if (!request_head.headers.has("Transfer-Encoding")) request_head.content_length = body.size();
        request_head.chunked = !request_head.content_length;
        try {
            http::Verdict verdict = handler_->accept(request_head, caller);
            if (verdict.answer) return *std::move(verdict.answer);
            http::Request request{request_head, "", std::move(verdict.sink), std::move(verdict.state)};
            if (request.sink) {
                request.sink->write(body);
            } else {
                request.body = body;
            }
            return handler_->run(std::move(request), caller);
        } catch (const DavError& error) {
            return answer_of(error);
        } catch (const base::Failure& failure) {
            return answer_of(failure);
        }
    }
    int status(const Caller& caller, const std::string& method, const std::string& path, const Fields& fields = {},
               const std::string& body = "") {
        return http::code(ask(caller, method, path, fields, body).status);
    }
    std::optional<http::Response> now(const Caller& caller, const std::string& path, const Fields& fields = {}) {
        return handler_->answer_now(head("GET", path, fields), caller);
    }

    void write_outside(const std::string& below_root, const std::string& bytes) {
        std::ofstream(path_ + "/root/" + below_root, std::ios::binary) << bytes;
    }
    void move_outside(const std::string& from, const std::string& to) {
        std::filesystem::rename(path_ + "/root/" + from, path_ + "/root/" + to);
    }
    std::string read_outside(const std::string& below_root) const {
        std::ifstream file(path_ + "/root/" + below_root, std::ios::binary);
        std::ostringstream bytes;
        bytes << file.rdbuf();
        return bytes.str();
    }
    bool on_disk(const std::string& below_root) const { return std::filesystem::exists(path_ + "/root/" + below_root); }
    std::size_t staged() const {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator(path_ + "/root/.hearth/staging")) {
            ++count;
        }
        return count;
    }

    storage::Store& store() { return *store_; }
    storage::Accounts& accounts() { return *accounts_; }
    Context& context() { return *context_; }

    Caller ana;
    Caller ben;
    static constexpr storage::Author kAdmin{storage::Cause::admin, {}, {}};

  private:
    Caller user(const std::string& name) {
        Caller caller;
        caller.kind = CallerKind::user;
        caller.uid = accounts_->add_user(name, false, "", kAdmin).uid;
        caller.name = name;
        return caller;
    }

    std::string path_;
    std::unique_ptr<storage::Store> store_;
    std::unique_ptr<storage::Accounts> accounts_;
    std::unique_ptr<Context> context_;
    std::array<const Extension*, 1> extensions_{&kCoreExtension};
    std::unique_ptr<DavHandler> handler_;
};

inline std::string text(const http::Body& body) {
    if (const auto* plain = std::get_if<std::string>(&body)) return *plain;
    if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&body)) return **shared;
    std::string bytes(static_cast<std::size_t>(http::body_size(body)), '\0');
    std::size_t got = 0;
    if (const auto* slice = std::get_if<http::FileSlice>(&body)) {
        got = slice->file->read_at(bytes.data(), bytes.size(), slice->offset);
    } else if (const auto* spooled = std::get_if<std::shared_ptr<const http::Spooled>>(&body)) {
        got = (*spooled)->read_at(bytes.data(), bytes.size(), 0);
    }
    bytes.resize(got);
    return bytes;
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace dav::test
