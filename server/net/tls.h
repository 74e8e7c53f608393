#pragma once

#include <memory>

#include "server/net/server.h"

struct ssl_ctx_st;
struct ssl_st;

// TLS as security.md 5.1 sets it. OpenSSL's types stay in tls.cc and stream.cc.
namespace net {

// Certificate and policy of new connections; immutable, shared by all io threads and by the connections made with it.
class TlsContext {
  public:
    // Throws base::Failure when chain and key do not load or do not belong together.
    explicit TlsContext(const Certificate& certificate);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* get() const { return context_; }

  private:
    class TicketKeys;
    std::unique_ptr<TicketKeys> tickets_;
    ssl_ctx_st* context_ = nullptr;

    friend int ticket_key(ssl_st*, unsigned char*, unsigned char*, void*, void*, int);
};

}  // namespace net
