#pragma once

#include <memory>
#include <optional>

#include "server/net/exchange.h"
#include "server/net/loop.h"
#include "server/net/stream.h"

namespace net {

// One client: reads heads, has them answered, writes answers, in order. Lives on its loop's thread; one coroutine,
// whose frame holds nothing big, because it lasts as long as the connection. What a request needs is in its Exchange.
class Connection {
  public:
    Connection(Loop& loop, const Arrival& arrival, std::shared_ptr<const TlsContext> tls);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Task<void> run();
    bool idle() const { return idle_; }  // nobody waits for an answer
    void abort() { stream_.abort(); }

  private:
    enum class Head { complete, refused, gone };
    enum class Fill { full, complete, refused, late, broken };
    struct Filled {
        Fill state = Fill::broken;
        std::size_t octets = 0;
    };

    Task<bool> shake_hands();
    Task<bool> next_request();  // false: there is none
    Task<bool> serve();         // false: the connection ends
    Task<void> linger();

    // connection.cc: the head
    Task<Head> read_head(Exchange& exchange);
    Head refuse(const Refusal& refusal, Exchange& exchange);
    void believe_proxy(http::RequestHead& head) const;
    Task<void> decide(Exchange& exchange);
    bool make_room();
    std::string_view arrived() const { return {input_.data() + begin_, end_ - begin_}; }

    // receive.cc: the body
    std::string_view body_in_hand(Exchange& exchange);
    Task<void> receive(Exchange& exchange);
    Task<Fill> into_sink(Exchange& exchange);
    Task<Fill> into_memory(Exchange& exchange);
    Task<Filled> fill(BodyProgress& body, char* into, std::size_t room);
    void widen_input(const BodyProgress& body);
    Task<bool> drain(Exchange& exchange);
    Task<void> give_up(Exchange& exchange, Fill why);
    void start_pace();

    // send.cc: the answer
    Task<bool> send(Exchange& exchange);
    Task<bool> send_text(std::string head, std::string_view text);
    Task<bool> send_source(Exchange& exchange, std::string head);

    Loop& loop_;
    const Arrival arrival_;
    Stream stream_;
    Buffer input_;  // octets of heads, of chunked bodies, and of requests sent ahead
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t requests_ = 0;
    bool idle_ = true;
    bool shaking_hands_;
    bool lingers_ = false;  // the client may still be sending: a plain close would take our answer from it
};

}  // namespace net
