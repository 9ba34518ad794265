// SPDX-License-Identifier: Apache-2.0
//
// Hosts that run one at a time, each in a thread of its own: whoever holds the baton runs until it
// gives it up, and `choose` says who is next. The same choices give the same run.
#ifndef LEADCORE_TESTS_BATON_H_
#define LEADCORE_TESTS_BATON_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
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

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_BATON_H_
