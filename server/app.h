#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/config.h"
#include "storage/store.h"

namespace server {

// The running server: store and core, certificates, the edge, the control socket and the keeper, started in this order
// and stopped in reverse. reload() and stop() from one thread.
class App {
  public:
    // Throws ConfigError, base::Failure, Store::InUse, Store::NotARoot.
    App(ConfigSource source, storage::Seams seams);
    ~App();  // stops
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    // Reads the configuration again and applies all its `reload` keys and the certificates, or, when anything in it is
    // wrong, nothing; then the log says what, and false comes back.
    bool reload();
    void stop();

    const Config& config() const;
    std::vector<std::string> addresses() const;  // real ports
    std::string id() const;                      // of the storage root
    std::string ca_pem() const;                  // empty without the local authority

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// What `hearth serve` does besides: signals, privileges, what is printed.
struct ServeOptions {
    ConfigSource source;
    bool json = false;
    bool connect = false;      // print how devices connect
    std::string connect_user;  // in those lines
    std::string connect_password;
};
// Until SIGINT or SIGTERM. Throws what App throws.
int serve(const ServeOptions& options);

}  // namespace server
