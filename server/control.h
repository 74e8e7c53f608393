#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace server {

// Where the running server of a root listens for its administrator.
std::string control_path(const std::string& root);

// A unix socket of mode 0600: one line of JSON in, one out, per connection. Peers of another user than the server's or
// root are dropped. Two threads, so that a long check does not keep a `user list` waiting. Destroying it ends them,
// after the commands under way.
class ControlSocket {
  public:
    static constexpr std::size_t kThreads = 2;
    static constexpr std::size_t kRequestBytesMax = 8 * 1024 * 1024;  // an import's piece
    static constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;

    using Answer = std::function<std::string(std::string_view request)>;
    // Replaces a socket left by a crash: the caller holds the lock of the root. Throws base::Failure.
    ControlSocket(std::string path, Answer answer);
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Asks the server behind `path`. Empty: nobody listens there. Throws base::Failure when it breaks off.
std::optional<std::string> control_call(const std::string& path, const std::string& request);

}  // namespace server
