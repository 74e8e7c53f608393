#include "storage/base/exec.h"

#include <catch2/catch.hpp>

#include <pthread.h>

#include <atomic>

#include "storage/base/clock.h"

namespace base {
namespace {

TEST_CASE("a thread runs with its name and stack, and is joined") {
    std::string name;
    std::size_t stack = 0;
    {
        const auto thread = system_exec().spawn(
            "a name longer than fits",
            [&] {
                char text[32];
                ::pthread_getname_np(::pthread_self(), text, sizeof text);
                name = text;
                pthread_attr_t attributes;
                ::pthread_getattr_np(::pthread_self(), &attributes);
                ::pthread_attr_getstacksize(&attributes, &stack);
                ::pthread_attr_destroy(&attributes);
            },
            512 * 1024);
    }
    CHECK(name == "a name longer t");
    CHECK(stack == 512 * 1024);
}

TEST_CASE("an event wakes everyone") {
    Event event(system_exec());
    std::atomic<int> woken{0};
    CHECK(!event.is_set());
    {
        std::vector<std::unique_ptr<Thread>> threads;
        for (int i = 0; i < 4; ++i)
            threads.push_back(system_exec().spawn("waiter", [&] {
                event.wait();
                ++woken;
            }));
        event.set();
    }
    CHECK(woken == 4);
    event.wait();
}

TEST_CASE("a wait ends at its time") {
    const auto monitor = system_exec().monitor();
    const auto before = system_clock().monotonic_ms();
    Locked hold(*monitor);
    while (monitor->wait_until(before + 3)) {
    }
    CHECK(system_clock().monotonic_ms() >= before + 3);
}

TEST_CASE("a queue is bounded, ordered and drained after it closes") {
    Queue<int> queue(system_exec(), 2);
    CHECK(queue.try_push(1));
    CHECK(queue.try_push(2));
    CHECK(!queue.try_push(3));
    CHECK(queue.size() == 2);
    CHECK(queue.pop() == 1);
    CHECK(queue.try_push(4));
    CHECK(queue.pop_all() == std::deque<int>{2, 4});
    CHECK(queue.try_push(5));
    queue.close();
    CHECK(!queue.try_push(6));
    CHECK(queue.pop() == 5);
    CHECK(!queue.pop());
    CHECK(queue.pop_all().empty());
}

TEST_CASE("nothing is lost between threads") {
    constexpr int kEach = 2000;
    Queue<int> queue(system_exec(), 16);
    std::atomic<long> sum{0};
    std::vector<std::unique_ptr<Thread>> takers;
    for (int i = 0; i < 2; ++i)
        takers.push_back(system_exec().spawn("taker", [&] {
            while (const auto item = queue.pop()) sum += *item;
        }));
    for (int i = 1; i <= kEach; ++i)
        while (!queue.try_push(i)) {
        }
    queue.close();
    takers.clear();
    CHECK(sum == long{kEach} * (kEach + 1) / 2);
}

}  // namespace
}  // namespace base
