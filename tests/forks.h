// SPDX-License-Identifier: Apache-2.0
//
// Copies of this process, each of which goes on by itself from where it was made and tells in the
// end how it went: what a run has in common with others is done once for all of them.
#ifndef LEADCORE_TESTS_FORKS_H_
#define LEADCORE_TESTS_FORKS_H_

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef LEADCORE_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>

namespace leadcore::testing {

inline constexpr size_t kLongestTold = 1024;

// A copy of a process with one thread. To make and to hear one takes no memory.
struct Copy {
  pid_t pid;  // 0 in the copy
  int lines;  // where the original hears, and the copy tells
};
inline Copy MakeCopy() {
  constexpr unsigned kLongestSeconds = 60;  // then it stands still for ever
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  EXPECT_GE(pid, 0);
  if (pid == 0) {
    alarm(kLongestSeconds);
    return {0, ends[1]};
  }
  close(ends[1]);
  return {pid, ends[0]};
}
// Waits for the end of a copy: how it ended, and the size of what it told into `text`.
inline int Hear(const Copy& copy, char (&text)[kLongestTold], size_t* size) {
  const ssize_t told = read(copy.lines, text, sizeof(text));
  *size = told > 0 ? static_cast<size_t>(told) : 0;
  close(copy.lines);
  int status = 0;
  waitpid(copy.pid, &status, 0);
  return status;
}

class Forks {
 public:
  // Given to the original, in the order in which the copies were made: what each told, or how it
  // died.
  using Hearer = std::function<void(const std::string& told, bool died)>;

  Forks() = default;
  Forks(const Forks&) = delete;
  Forks& operator=(const Forks&) = delete;

  // True in the copy, which has to end with Tell; false in the original. When as many run as may it
  // waits for the oldest first.
  bool Split(Hearer hear) {
    if (running_.size() == kAtOnce) Collect();
    ++made_;
    const Copy copy = MakeCopy();
    if (copy.pid == 0) {
      told_ = copy.lines;
      return true;
    }
    running_.push_back({copy, std::move(hear)});
    return false;
  }
  bool copied() const { return told_ >= 0; }

  // Ends a copy. Text that is longer than a pipe holds would wait for the original to read it.
  [[noreturn]] void Tell(std::string text) const {
    if (::testing::Test::HasFailure() || Leaks()) _exit(kFailed);
    text.resize(std::min(text.size(), kLongestTold));
    _exit(write(told_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                      : kFailed);
  }

  // Waits for all.
  void Join() {
    while (!running_.empty()) Collect();
  }

 private:
  static constexpr size_t kAtOnce = 2;
  static constexpr int kFailed = 1;

  struct Running {
    Copy copy;
    Hearer hear;
  };

  // A copy does not come to the check that a sanitizer makes when a process ends: it takes longer
  // than the rest of most copies, so every few make it.
  bool Leaks() const {
#ifdef LEADCORE_SANITIZED
    return made_ % 7 == 0 && __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
  }

  void Collect() {
    const Running run = std::move(running_.front());
    running_.pop_front();
    char text[kLongestTold];
    size_t size = 0;
    const int status = Hear(run.copy, text, &size);
    if (status != 0) {
      run.hear("died: " + std::to_string(status), true);
    } else {
      run.hear(std::string(text, size), false);
    }
  }

  size_t made_ = 0;
  int told_ = -1;  // in a copy: where it tells
  std::deque<Running> running_;
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_FORKS_H_
