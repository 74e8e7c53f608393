#include "server/argon2_queue.h"

#include <optional>

#include "server/password.h"
#include "storage/base/log.h"

namespace server {

struct Argon2Queue::Question {
    base::Hash key;
    std::string phc;
    std::string password;
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

Argon2Queue::Answer Argon2Queue::verify(const base::Hash& key, std::string phc, std::string_view password,
                                        std::size_t queue_max) {
    base::Locked hold(*guard_);
    std::shared_ptr<Question> question;
    if (const auto found = asked_.find(key); found != asked_.end()) {
        question = found->second;
    } else {
        if (asked_.size() >= queue_max) return Answer::busy;
        question = std::make_shared<Question>(Question{key, std::move(phc), std::string(password), std::nullopt});
        if (!queue_.try_push(question)) return Answer::busy;
        asked_.emplace(key, question);
    }
    const std::int64_t deadline = seams_.clock.monotonic_ms() + kWaitMaxMs;
    while (!question->answer) {
        if (!guard_->wait_until(deadline)) return question->answer.value_or(Answer::busy);
    }
    return *question->answer;
}

void Argon2Queue::run() {
    while (const auto next = queue_.pop()) {
        Question& question = **next;
        bool skip = false;
        {
            base::Locked hold(*guard_);
            skip = stopping_;
        }
        Answer answer = Answer::busy;
        if (!skip) {
            // The thread must outlive one lack of memory: that question is answered like a full queue.
            try {
                answer = verify_password(question.phc, question.password) ? Answer::right : Answer::wrong;
            } catch (const base::Failure& failure) {
                base::log_warn("auth", std::string("could not ") + failure.what());
            }
        }
        base::Locked hold(*guard_);
        question.answer = answer;
        asked_.erase(question.key);
        guard_->notify_all();
    }
}

}  // namespace server
