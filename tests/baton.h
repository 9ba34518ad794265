// SPDX-License-Identifier: Apache-2.0
//
// Hosts that run one at a time, each in a thread of its own: whoever holds the baton runs until it
// gives it up, and `choose` says who is next. The same choices give the same run.
#ifndef LEADCORE_TESTS_BATON_H_
#define LEADCORE_TESTS_BATON_H_

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace leadcore::testing {

class Baton {
 public:
  // Who runs next, of those that are not at their end: a place in `running`.
  using Choose = std::function<size_t(const std::vector<size_t>& running)>;

  // Runs the hosts to their ends.
  void Run(const std::vector<std::function<void()>>& hosts, Choose choose) {
    choose_ = std::move(choose);
    running_.clear();
    for (size_t i = 0; i < hosts.size(); ++i) running_.push_back(i);
    wake_ = std::vector<std::condition_variable>(hosts.size());
    Next();
    std::vector<std::thread> threads;
    for (size_t i = 0; i < hosts.size(); ++i) {
      threads.emplace_back([this, &hosts, i] {
        Wait(i);
        hosts[i]();
        const std::lock_guard lock(mutex_);
        std::erase(running_, i);
        if (!running_.empty()) Next();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // For the host that runs: another one may go on first.
  void Yield() {
    size_t self = 0;
    {
      const std::lock_guard lock(mutex_);
      self = current_;
      Next();
      if (current_ == self) return;
    }
    Wait(self);
  }

 private:
  void Wait(size_t self) {
    std::unique_lock lock(mutex_);
    wake_[self].wait(lock, [&] { return current_ == self; });
  }
  void Next() {
    current_ = running_[choose_(running_)];
    wake_[current_].notify_one();
  }

  std::mutex mutex_;
  std::vector<std::condition_variable> wake_;
  std::vector<size_t> running_;
  size_t current_ = 0;
  Choose choose_;
};

// Every way in which the choices of a Baton can go, one after the other, depth first.
class Schedules {
 public:
  // `most`: so many times at most is somebody stopped who could have gone on.
  explicit Schedules(size_t most = static_cast<size_t>(-1)) : most_(most) {}

  // Calls `run` for each; it has to do the same whenever the same is chosen. The number of them.
  size_t Each(const std::function<void(const Baton::Choose&)>& run) {
    for (size_t count = 1;; ++count) {
      size_t depth = 0, stops = 0, last = static_cast<size_t>(-1);
      run([&](const std::vector<size_t>& running) {
        const auto self = std::find(running.begin(), running.end(), last);
        const bool goes_on = self != running.end();
        if (depth == path_.size()) {
          // The first choice is to go on, where that can be.
          const size_t first = goes_on ? static_cast<size_t>(self - running.begin()) : 0;
          path_.push_back({first, goes_on && stops == most_ ? 1 : running.size(), 0});
        }
        const Choice& choice = path_[depth++];
        const size_t chosen = (choice.first + choice.turn) % running.size();
        if (goes_on && running[chosen] != last) ++stops;
        last = running[chosen];
        return chosen;
      });
      while (!path_.empty() && path_.back().turn + 1 == path_.back().options) path_.pop_back();
      if (path_.empty()) return count;
      ++path_.back().turn;
    }
  }

 private:
  struct Choice {
    size_t first, options, turn;
  };

  const size_t most_;
  std::vector<Choice> path_;
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_BATON_H_
