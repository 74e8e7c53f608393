#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace server {

// The keys used last, at most `capacity`, and a value for each; the one not touched for longest leaves. Not
// thread-safe.
template <typename Value>
class Recent {
  public:
    using Items = std::list<std::pair<std::string, Value>>;

    explicit Recent(std::size_t capacity) : capacity_(capacity) {}
    Recent(const Recent&) = delete;  // by_key_ looks into items_
    Recent& operator=(const Recent&) = delete;

    Value* find(std::string_view key) {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : &found->second->second;
    }
    // Found or made, and now the latest.
    Value& touch(std::string_view key) {
        if (const auto found = by_key_.find(key); found != by_key_.end()) {
            items_.splice(items_.begin(), items_, found->second);
            return items_.front().second;
        }
        if (items_.size() == capacity_) {
            by_key_.erase(items_.back().first);
            items_.pop_back();
        }
        items_.emplace_front(std::string(key), Value{});
        by_key_.emplace(items_.front().first, items_.begin());
        return items_.front().second;
    }
    const Items& items() const { return items_; }  // latest first

  private:
    const std::size_t capacity_;
    Items items_;
    std::unordered_map<std::string_view, typename Items::iterator> by_key_;  // keys live in items_
};

}  // namespace server
