#include "server/argon2_queue.h"

#include <optional>
#include <utility>

#include "storage/base/log.h"

namespace server {

struct Argon2Queue::Question {
    base::Hash key;
    Asked asked;
    std::optional<Answer> answer;  // under guard_
};

Argon2Queue::Argon2Queue(storage::Seams seams)
    : seams_(seams), guard_(seams.exec.monitor()), queue_(seams.exec, kQueueCapacity) {
    thread_ = seams_.exec.spawn("argon2", [this] { run(); });
}

Argon2Queue::~Argon2Queue() {
    {
        base::Locked hold(*guard_);
        stopping_ = true;
    }
    queue_.close();
    thread_.reset();
}

Argon2Queue::Answer Argon2Queue::verify(const base::Hash& key, Asked asked, std::size_t queue_max) {
    base::Locked hold(*guard_);
    std::shared_ptr<Question> question;
    if (const auto found = asked_.find(key); found != asked_.end()) {
        question = found->second;
    } else {
        if (asked_.size() >= queue_max) return {};
        question = std::make_shared<Question>(Question{key, std::move(asked), std::nullopt});
        if (!queue_.try_push(question)) return {};
        asked_.emplace(key, question);
    }
    const std::int64_t deadline = seams_.clock.monotonic_ms() + kWaitMaxMs;
    while (!question->answer) {
        if (!guard_->wait_until(deadline) && !question->answer) return {};
    }
    return {question->answer->outcome, std::exchange(question->answer->renewed, {})};
}

Argon2Queue::Answer Argon2Queue::answer_of(const Asked& asked) const {
    if (!verify_password(asked.phc, asked.password)) return {Outcome::wrong, {}};
    if (is_of_cost(asked.phc, asked.cost)) return {Outcome::right, {}};
    return {Outcome::right, hash_password(asked.password, asked.cost, seams_.rng)};
}

void Argon2Queue::run() {
    while (const auto next = queue_.pop()) {
        Question& question = **next;
        bool skip = false;
        {
            base::Locked hold(*guard_);
            skip = stopping_;
        }
        Answer answer;
        if (!skip) {
            // The thread must outlive one lack of memory: that question is answered like a full queue.
            try {
                answer = answer_of(question.asked);
            } catch (const base::Failure& failure) {
                base::log_warn("auth", std::string("could not ") + failure.what());
            }
        }
        base::Locked hold(*guard_);
        question.answer = std::move(answer);
        asked_.erase(question.key);
        guard_->notify_all();
    }
}

}  // namespace server
