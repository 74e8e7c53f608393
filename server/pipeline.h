#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dav/dav_handler.h"
#include "dav/http/handler.h"
#include "server/credentials.h"
#include "server/router.h"
#include "storage/store.h"

namespace server {

// What is served, at one moment. Immutable; a reload swaps the whole, and a request ends with the one it began with.
struct Site {
    Site(dav::Context given, std::span<const dav::Extension* const> extensions)
        : context(std::move(given)), dav(context, extensions) {}
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    std::vector<std::string> hosts;
    std::string challenge;  // value of WWW-Authenticate
    std::string ca_pem;
    dav::Context context;
    dav::DavHandler dav;  // last: refers to context
};

// The ordered steps between the edge and DAV: is it for us, where does it go, may a browser send it, who asks. The only
// place where the exceptions of a request end. Thread-safe.
class Pipeline final : public http::Handler {
  public:
    // `ready` answers /readyz.
    Pipeline(Credentials& credentials, storage::Seams seams, std::shared_ptr<Site> site, std::function<bool()> ready);

    void use(std::shared_ptr<Site> site);

    std::optional<http::Response> answer_now(const http::RequestHead& head) override;
    http::Verdict accept(const http::RequestHead& head) override;
    http::Response run(http::Request request) override;

  private:
    struct Admitted;

    std::shared_ptr<Site> site() const;
    http::Verdict decide(Admitted& admitted, const http::RequestHead& head);
    std::optional<http::Response> answer_without_caller(const Site& site, const Route& route,
                                                        const http::RequestHead& head) const;
    std::optional<http::Response> identify(Admitted& admitted, const http::RequestHead& head);
    http::Response rescue(const http::RequestHead& head) const;
    void finish(http::Response& response, const Admitted& admitted, const http::RequestHead& head) const;

    Credentials& credentials_;
    const storage::Seams seams_;
    const std::function<bool()> ready_;
    mutable std::mutex guard_;  // of the pointer only
    std::shared_ptr<Site> site_;
};

}  // namespace server
