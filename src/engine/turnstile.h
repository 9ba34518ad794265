// SPDX-License-Identifier: Apache-2.0
//
// Who lost too many races goes on alone.
#ifndef LEADCORE_SRC_ENGINE_TURNSTILE_H_
#define LEADCORE_SRC_ENGINE_TURNSTILE_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace leadcore {

// Of those who race for one lead, one of each group of commits wins, and who led it is back in the
// race before it has woken the others: whoever is a little slower would lose for ever. While one
// has the turn, only those that were on their way already can be faster, each of them once. Callers
// of other leads wait as well; that is the price. Who has the turn passes and takes it again: a
// store may call its engine. Thread-safe.
class Turnstile {
 public:
  // Waits while others have the turn or wait for it.
  void Pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wanting_ == 0 || IsOwn(); });
  }

  // The turn, from when it is this caller's to the end of the object.
  class Turn {
   public:
    explicit Turn(Turnstile* turnstile) : turnstile_(*turnstile) {
      std::unique_lock lock(turnstile_.mutex_);
      nested_ = turnstile_.IsOwn();
      if (nested_) return;
      ++turnstile_.wanting_;
      turnstile_.changed_.wait(lock, [this] { return turnstile_.holder_ == std::thread::id(); });
      turnstile_.holder_ = std::this_thread::get_id();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (nested_) return;
      const std::lock_guard lock(turnstile_.mutex_);
      --turnstile_.wanting_;
      turnstile_.holder_ = std::thread::id();
      turnstile_.changed_.notify_all();
    }

   private:
    Turnstile& turnstile_;
    bool nested_ = false;
  };

 private:
  bool IsOwn() const { return holder_ == std::this_thread::get_id(); }

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t wanting_ = 0;  // have it or wait for it
  std::thread::id holder_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_ENGINE_TURNSTILE_H_
