#include "storage/base/workers.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#undef CHECK  // here it is the one of Catch2
#include <catch2/catch.hpp>

TEST_CASE("every task runs once, also with more tasks than threads") {
    std::atomic<int> ran{0};
    {
        base::Workers workers(base::system_exec(), {"test", 3, 10'000, 256 * 1024});
        for (int i = 0; i < 2000; ++i) REQUIRE(workers.try_submit([&ran] { ++ran; }));
    }
    CHECK(ran == 2000);
}

TEST_CASE("a full queue refuses, but not the next step of what was admitted") {
    base::Event gate(base::system_exec());
    base::Event begun(base::system_exec());
    std::atomic<int> ran{0};
    base::Workers workers(base::system_exec(), {"test", 1, 2, 256 * 1024});
    REQUIRE(workers.try_submit([&] {
        begun.set();
        gate.wait();
    }));
    begun.wait();
    CHECK(workers.try_submit([&ran] { ++ran; }));
    CHECK(workers.try_submit([&ran] { ++ran; }));
    CHECK_FALSE(workers.try_submit([&ran] { ++ran; }));
    CHECK(workers.submit_further([&ran] { ++ran; }));
    CHECK(workers.queued() == 3);
    gate.set();
    workers.stop();
    CHECK(ran == 3);
    CHECK_FALSE(workers.try_submit([&ran] { ++ran; }));
    CHECK_FALSE(workers.submit_further([&ran] { ++ran; }));
}

TEST_CASE("a task that throws does not take its thread along") {
    std::atomic<int> ran{0};
    base::Workers workers(base::system_exec(), {"test", 1, 10, 256 * 1024});
    workers.try_submit([] { throw std::runtime_error("broken task"); });
    workers.try_submit([&ran] { ++ran; });
    workers.stop();
    CHECK(ran == 1);
}

TEST_CASE("tasks that submit tasks all run, with every thread asleep at first") {
    std::atomic<int> ran{0};
    base::Workers workers(base::system_exec(), {"test", 4, 1000, 256 * 1024});
    for (int i = 0; i < 50; ++i) {
        workers.try_submit([&] {
            workers.submit_further([&ran] { ++ran; });
            workers.submit_further([&ran] { ++ran; });
        });
    }
    while (ran < 100) std::this_thread::yield();
    CHECK(ran == 100);
}
