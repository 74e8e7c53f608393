#include "server/core.h"

#include <algorithm>
#include <array>

#include "carddav/extension.h"
#include "dav/extension.h"
#include "dav/stored_text.h"
#include "server/basic.h"
#include "server/credentials.h"
#include "server/pipeline.h"
#include "storage/base/log.h"
#include "storage/root_state.h"

namespace server {
namespace {

constexpr std::array kExtensions = {&dav::kCoreExtension, &carddav::kExtension};

storage::Store::Options with_schema(storage::Store::Options options) {
    for (const dav::Extension* extension : kExtensions)
        options.schema.insert(options.schema.end(), extension->schema.begin(), extension->schema.end());
    for (const dav::Extension* extension : kExtensions)
        for (const dav::ItemRule& rule : extension->items) options.indexers.push_back(rule.indexer);
    return options;
}

std::vector<storage::DefaultCollection> default_collections() {
    std::vector<storage::DefaultCollection> collections;
    for (const dav::Extension* extension : kExtensions)
        for (const dav::ItemRule& rule : extension->items)
            collections.push_back({rule.home, rule.collection, std::string(rule.default_name),
                                   std::string(rule.default_title), dav::displayname_as});
    return collections;
}

class AssembledCore final : public Core {
  public:
    AssembledCore(const CoreOptions& options, storage::Seams seams)
        : base_path_(options.base_path),
          store_(storage::Store::open(with_schema(options.store), seams)),
          accounts_(*store_, default_collections()),
          credentials_(*store_, accounts_, options.auth),
          pipeline_(credentials_, seams, make_site(options), [this] { return ready(); }) {
        if (store_->state().writable()) accounts_.complete_spaces();
    }

    http::Handler& handler() override { return pipeline_; }
    storage::Store& store() override { return *store_; }
    storage::Accounts& accounts() override { return accounts_; }
    Credentials& credentials() override { return credentials_; }

    void reload(const CoreOptions& options) override {
        auto site = make_site(options);
        credentials_.use(options.auth);
        pipeline_.use(std::move(site));
    }

    bool ready() override {
        if (!store_->state().writable()) return false;
        // Not ready is the answer here, not an error of the request that asked.
        try {
            store_->read([](storage::ReadTxn& txn) { return txn.lsn(); });
            return true;
        } catch (const base::Failure& failure) {
            base::log_warn("core", std::string("not ready: ") + failure.what());
            return false;
        }
    }

  private:
    std::shared_ptr<Site> make_site(const CoreOptions& options) {
        dav::Context context{*store_, accounts_, base_path_, options.services, options.limits};
        // What the store keeps free is refused with 507 before the first octet of a body is read.
        context.limits.free_floor_bytes = std::max(context.limits.free_floor_bytes, options.store.free_floor_bytes);
        auto site = std::make_shared<Site>(std::move(context), kExtensions);
        site->hosts = options.hosts;
        site->challenge = basic_challenge(options.realm);
        site->ca_pem = options.ca_pem;
        return site;
    }

    const std::string base_path_;  // hrefs that clients hold contain it: it changes with a restart only
    std::unique_ptr<storage::Store> store_;
    storage::Accounts accounts_;
    Credentials credentials_;
    Pipeline pipeline_;
};

}  // namespace

std::unique_ptr<Core> Core::open(CoreOptions options, storage::Seams seams) {
    return std::make_unique<AssembledCore>(options, seams);
}

}  // namespace server
