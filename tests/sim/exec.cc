#include "tests/sim/exec.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "storage/base/failure.h"

namespace sim {

namespace {

constexpr unsigned kYieldOneIn = 4;
constexpr std::size_t kStackBytes = std::size_t{1} << 20;  // touched only as far as it is used

// The one that comes to life: makecontext passes no pointers.
Exec* entered = nullptr;

}  // namespace

class SimMonitor final : public base::Monitor {
  public:
    explicit SimMonitor(Exec& exec) : exec_(exec) {}

    void lock() override {
        exec_.yield();
        take();
    }
    void unlock() override { release(); }
    void wait() override {
        release();
        exec_.block(&news_, -1);
        take();
        if (exec_.running_->killed) {
            exec_.running_->killed = false;
            throw base::Failure(base::Fault::io, "the process is gone");
        }
    }
    bool wait_until(std::int64_t monotonic_ms) override {
        release();
        exec_.block(&news_, monotonic_ms);
        const bool in_time = !exec_.running_->timed_out;
        take();
        return in_time;
    }
    void notify_one() override { exec_.wake(&news_, true); }
    void notify_all() override { exec_.wake(&news_, false); }

  private:
    void take() {
        while (owned_) exec_.block(&owned_, -1);
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
        while (!actor_.over) exec_.block(&actor_, -1);
        exec_.forget(actor_);
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
    CHECK(actors_.size() == 1);
}

std::unique_ptr<base::Thread> Exec::spawn(std::string name, std::function<void()> body, std::size_t) {
    actors_.push_back(std::make_unique<Actor>());
    Actor& actor = *actors_.back();
    actor.name = std::move(name);
    actor.body = std::move(body);
    if (stacks_.empty()) stacks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kStackBytes));
    actor.stack = std::move(stacks_.back());
    stacks_.pop_back();
    getcontext(&actor.context);
    actor.context.uc_stack.ss_sp = actor.stack.get();
    actor.context.uc_stack.ss_size = kStackBytes;
    actor.context.uc_link = nullptr;
    makecontext(&actor.context, &Exec::enter, 0);
    return std::make_unique<SimThread>(*this, actor);
}

void Exec::enter() {
    entered->run(*entered->running_);
}

void Exec::run(Actor& actor) {
    try {
        actor.body();
    } catch (const std::exception& error) {
        if (!is_cut_()) wrong_("thread " + actor.name + " ended by: " + error.what());
    }
    actor.body = nullptr;
    actor.over = true;
    actor.ready = false;
    wake(&actor, false);
    hand_over();
    std::abort();  // nobody gives a turn to what is over
}

void Exec::forget(const Actor& actor) {
    const auto at = std::find_if(actors_.begin(), actors_.end(), [&](const auto& one) { return one.get() == &actor; });
    CHECK(at != actors_.end());
    stacks_.push_back(std::move((*at)->stack));
    actors_.erase(at);
}

std::unique_ptr<base::Monitor> Exec::monitor() {
    return std::make_unique<SimMonitor>(*this);
}

void Exec::yield() {
    if (dice_() % kYieldOneIn == 0) hand_over();
}

void Exec::block(const void* on, std::int64_t until_ms) {
    Actor* self = running_;
    self->ready = false;
    self->waits_for = on;
    self->until_ms = until_ms;
    self->timed_out = false;
    hand_over();
    self->waits_for = nullptr;
}

void Exec::hand_over() {
    static_assert(sizeof(Exceptions) == 2 * sizeof(void*));
    Actor* self = running_;
    Actor* other = next();
    if (other == self) return;
    running_ = other;
    entered = this;
    void* const globals = abi::__cxa_get_globals();
    std::memcpy(&self->exceptions, globals, sizeof(Exceptions));
    std::memcpy(globals, &other->exceptions, sizeof(Exceptions));
    swapcontext(&self->context, &other->context);
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

// Whose turn it is now.
Exec::Actor* Exec::next() {
    ++turns_;
    std::vector<Actor*>& able = able_;
    able.clear();
    for (const auto& actor : actors_) {
        if (actor->over) continue;
        if (!actor->ready && actor->until_ms >= 0 && actor->until_ms <= now_ms_) expire(*actor);
        if (actor->ready) able.push_back(actor.get());
    }
    if (able.empty()) {
        Actor* first_due = nullptr;
        for (const auto& actor : actors_) {
            if (actor->over || actor->ready || actor->until_ms < 0) continue;
            if (first_due == nullptr || actor->until_ms < first_due->until_ms) first_due = actor.get();
        }
        if (first_due == nullptr && is_cut_()) {
            for (const auto& actor : actors_) {
                // Not who waits for a thread to end: that will come.
                if (actor->over || is_thread(actor->waits_for)) continue;
                actor->killed = true;
                actor->ready = true;
                actor->waits_for = nullptr;
                able.push_back(actor.get());
            }
        } else if (first_due != nullptr) {
            now_ms_ = std::max(now_ms_, first_due->until_ms);
            expire(*first_due);
            able = {first_due};
        }
        if (able.empty()) {
            std::fprintf(stderr, "everybody waits for ever:\n");
            for (const auto& actor : actors_) {
                if (!actor->over) std::fprintf(stderr, "  %s\n", actor->name.c_str());
            }
            std::abort();
        }
    }
    return able[dice_() % able.size()];
}

}  // namespace sim
