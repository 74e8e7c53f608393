// Bodies of REPORT, over a small tree: whatever is sent, the answer is one of those that a report has. The first octet
// chooses the resource.
#include <stdlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "dav/dav_handler.h"
#include "dav/error.h"
#include "storage/accounts.h"
#include "storage/base/failure.h"
#include "storage/store.h"

namespace report_fuzz {

class House {
  public:
    House() {
        std::string pattern = (std::filesystem::temp_directory_path() / "hearth-fuzz-XXXXXX").string();
        CHECK(::mkdtemp(pattern.data()) != nullptr);
        root_ = pattern;
        storage::Store::Options options;
        options.root = root_ + "/root";
        store_ = storage::Store::open(
            options, {base::system_clock(), base::system_rng(), storage::system_fs(), base::system_exec()});
        accounts_ = std::make_unique<storage::Accounts>(*store_);
        caller_.kind = dav::CallerKind::user;
        caller_.uid = accounts_->add_user("ana", false, "", {}).uid;
        caller_.name = "ana";
        accounts_->add_group("family", {});
        accounts_->set_member("family", "ana", true, {});
        store_->write([&](storage::WriteTxn& txn) {
            const auto space = txn.space_of(storage::SpaceKind::files, caller_.uid);
            const storage::Node folder = txn.make({space->root, "d", storage::NodeKind::folder, {}}, {});
            txn.make({folder.id, "e", storage::NodeKind::folder, {}}, {});
            txn.make({folder.id, "f", storage::NodeKind::folder, {}}, {});
        });
        context_ = std::make_unique<dav::Context>(dav::Context{*store_, *accounts_, "", {}, {}});
        handler_ = std::make_unique<dav::DavHandler>(*context_, extensions_);
    }
    ~House() {
        handler_.reset();
        accounts_.reset();
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    int status(const char* path, std::string body) {
        http::RequestHead head;
        head.method = http::Method::report;
        head.method_name = "REPORT";
        head.path = path;
        head.host = "home.example";
        head.content_length = body.size();
        try {
            handler_->accept(head, caller_);
            return http::code(handler_->run({head, std::move(body), nullptr, nullptr}, caller_).status);
        } catch (const dav::DavError& error) {
            return http::code(error.status());
        }
    }

  private:
    std::string root_;
    std::unique_ptr<storage::Store> store_;
    std::unique_ptr<storage::Accounts> accounts_;
    dav::Caller caller_;
    std::unique_ptr<dav::Context> context_;
    std::array<const dav::Extension*, 1> extensions_{&dav::kCoreExtension};
    std::unique_ptr<dav::DavHandler> handler_;
};

constexpr std::array kPaths = {"/dav/files/ana/", "/dav/principals/", "/dav/principals/users/ana/",
                               "/dav/files/ana/d/"};

}  // namespace report_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static report_fuzz::House house;
    if (size == 0) return 0;
    const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const int status = house.status(report_fuzz::kPaths[data[0] % report_fuzz::kPaths.size()], body);
    CHECK(status == 200 || status == 207 || status == 400 || status == 403 || status == 413 || status == 507);
    return 0;
}
