#include "tests/sim/exec.h"

#include <cstdio>
#include <cstdlib>

#include "storage/base/failure.h"

namespace sim {

namespace {

constexpr unsigned kYieldOneIn = 4;

}  // namespace

class SimMonitor final : public base::Monitor {
  public:
    explicit SimMonitor(Exec& exec) : exec_(exec) {}

    void lock() override {
        exec_.yield();
        std::unique_lock baton(exec_.baton_);
        take(baton);
    }
    void unlock() override {
        std::unique_lock baton(exec_.baton_);
        release();
    }
    void wait() override {
        std::unique_lock baton(exec_.baton_);
        release();
        exec_.block(baton, &news_, -1);
        take(baton);
        if (exec_.running_->killed) {
            exec_.running_->killed = false;
            throw base::Failure(base::Fault::io, "the process is gone");
        }
    }
    bool wait_until(std::int64_t monotonic_ms) override {
        std::unique_lock baton(exec_.baton_);
        release();
        exec_.block(baton, &news_, monotonic_ms);
        const bool in_time = !exec_.running_->timed_out;
        take(baton);
        return in_time;
    }
    void notify_one() override {
        std::unique_lock baton(exec_.baton_);
        exec_.wake(&news_, true);
    }
    void notify_all() override {
        std::unique_lock baton(exec_.baton_);
        exec_.wake(&news_, false);
    }

  private:
    void take(std::unique_lock<std::mutex>& baton) {
        while (owned_) exec_.block(baton, &owned_, -1);
        owned_ = true;
    }
    void release() {
        CHECK(owned_);
        owned_ = false;
        exec_.wake(&owned_, true);
    }

    Exec& exec_;
    bool owned_ = false;
    char news_ = 0;  // its address is what waiters wait for
};

class SimThread final : public base::Thread {
  public:
    SimThread(Exec& exec, Exec::Actor& actor) : exec_(exec), actor_(actor) {}
    ~SimThread() override {
        {
            std::unique_lock baton(exec_.baton_);
            while (!actor_.over) exec_.block(baton, &actor_, -1);
        }
        actor_.thread.join();
    }

  private:
    Exec& exec_;
    Exec::Actor& actor_;
};

Exec::Exec(std::uint64_t seed) : dice_(seed) {
    actors_.push_back(std::make_unique<Actor>());
    actors_.back()->name = "first";
    running_ = actors_.back().get();
}

Exec::~Exec() {
    for (const auto& actor : actors_) CHECK(!actor->thread.joinable());
}

std::unique_ptr<base::Thread> Exec::spawn(std::string name, std::function<void()> body, std::size_t) {
    std::unique_lock baton(baton_);
    actors_.push_back(std::make_unique<Actor>());
    Actor& actor = *actors_.back();
    actor.name = std::move(name);
    actor.thread = std::thread([this, &actor, body = std::move(body)] {
        {
            std::unique_lock mine(baton_);
            actor.turn.wait(mine, [&] { return running_ == &actor; });
        }
        try {
            body();
        } catch (const std::exception& error) {
            if (!is_cut_()) wrong_("thread " + actor.name + " ended by: " + error.what());
        }
        std::unique_lock mine(baton_);
        actor.over = true;
        actor.ready = false;
        wake(&actor, false);
        hand_over(mine);
    });
    return std::make_unique<SimThread>(*this, actor);
}

std::unique_ptr<base::Monitor> Exec::monitor() {
    return std::make_unique<SimMonitor>(*this);
}

void Exec::yield() {
    std::unique_lock baton(baton_);
    if (dice_() % kYieldOneIn != 0) return;
    Actor* self = running_;
    hand_over(baton);
    self->turn.wait(baton, [&] { return running_ == self; });
}

void Exec::block(std::unique_lock<std::mutex>& baton, const void* on, std::int64_t until_ms) {
    Actor* self = running_;
    self->ready = false;
    self->waits_for = on;
    self->until_ms = until_ms;
    self->timed_out = false;
    hand_over(baton);
    self->turn.wait(baton, [&] { return running_ == self; });
    self->waits_for = nullptr;
}

void Exec::wake(const void* on, bool one) {
    std::vector<Actor*> waiting;
    for (const auto& actor : actors_) {
        if (!actor->over && !actor->ready && actor->waits_for == on) waiting.push_back(actor.get());
    }
    if (waiting.empty()) return;
    if (one) waiting = {waiting[dice_() % waiting.size()]};
    for (Actor* actor : waiting) {
        actor->until_ms = -1;
        actor->ready = true;
        actor->waits_for = nullptr;
    }
}

bool Exec::is_thread(const void* what) const {
    for (const auto& actor : actors_) {
        if (actor.get() == what) return true;
    }
    return false;
}

void Exec::expire(Actor& actor) {
    actor.timed_out = true;
    actor.until_ms = -1;
    actor.ready = true;
    actor.waits_for = nullptr;
}

void Exec::hand_over(std::unique_lock<std::mutex>&) {
    ++turns_;
    std::vector<Actor*> able;
    for (const auto& actor : actors_) {
        if (actor->over) continue;
        if (!actor->ready && actor->until_ms >= 0 && actor->until_ms <= now_ms_) expire(*actor);
        if (actor->ready) able.push_back(actor.get());
    }
    if (able.empty()) {
        Actor* next = nullptr;
        for (const auto& actor : actors_) {
            if (actor->over || actor->ready || actor->until_ms < 0) continue;
            if (next == nullptr || actor->until_ms < next->until_ms) next = actor.get();
        }
        if (next == nullptr && is_cut_()) {
            for (const auto& actor : actors_) {
                // Not who waits for a thread to end: that will come.
                if (actor->over || is_thread(actor->waits_for)) continue;
                actor->killed = true;
                actor->ready = true;
                actor->waits_for = nullptr;
                able.push_back(actor.get());
            }
        } else if (next != nullptr) {
            now_ms_ = std::max(now_ms_, next->until_ms);
            expire(*next);
            able = {next};
        }
        if (able.empty()) {
            std::fprintf(stderr, "everybody waits for ever:\n");
            for (const auto& actor : actors_) {
                if (!actor->over) std::fprintf(stderr, "  %s\n", actor->name.c_str());
            }
            std::abort();
        }
    }
    running_ = able[dice_() % able.size()];
    running_->turn.notify_one();
}

}  // namespace sim
