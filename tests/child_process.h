// SPDX-License-Identifier: Apache-2.0
//
// Processes that a test starts and kills: the test program itself, run again in another role, that
// tells what it does line by line.
#ifndef LEADCORE_TESTS_CHILD_PROCESS_H_
#define LEADCORE_TESTS_CHILD_PROCESS_H_

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leadcore::testing {

// Where a child writes its lines.
inline constexpr int kLinesFd = 3;
// The word that makes a test program a child; NAME=VALUE follow.
inline constexpr std::string_view kChildWord = "--child";

// One line to whoever started this process, whole or not at all. A child whose parent is gone dies.
inline void Say(std::string line) {
  line.push_back('\n');
  if (write(kLinesFd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
}

// What a child is told.
class Words {
 public:
  Words() = default;
  Words(std::initializer_list<std::pair<const std::string, std::string>> words) : words_(words) {}

  std::string Text(const std::string& name) const {
    const auto at = words_.find(name);
    return at == words_.end() ? std::string() : at->second;
  }
  uint64_t Number(const std::string& name) const {
    return std::strtoull(Text(name).c_str(), nullptr, 10);
  }
  void Set(const std::string& name, uint64_t value) { words_[name] = std::to_string(value); }
  void Set(const std::string& name, std::string value) { words_[name] = std::move(value); }

  std::vector<std::string> AsArguments() const {
    std::vector<std::string> arguments;
    for (const auto& [name, value] : words_) arguments.push_back(name + "=" + value);
    return arguments;
  }
  static Words FromArguments(int argc, char** argv, int first) {
    Words words;
    for (int i = first; i < argc; ++i) {
      const std::string_view word = argv[i];
      const size_t equals = word.find('=');
      if (equals == word.npos) continue;
      words.words_[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    }
    return words;
  }

 private:
  std::map<std::string, std::string> words_;
};

// Killed when it goes out of scope, and when the test program dies.
class Child {
 public:
  // With `lines`, a file opened for appending, it speaks there and not to this object: children
  // that share one stand in it in the order in which they spoke.
  explicit Child(const Words& words, int lines = -1) {
    int ends[2] = {-1, -1};
    if (lines < 0 && pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const int out = lines < 0 ? ends[1] : lines;
    std::vector<std::string> texts = words.AsArguments();
    texts.insert(texts.begin(), {"child", std::string(kChildWord)});
    std::vector<char*> arguments;
    for (std::string& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      // dup2 onto itself would leave it to be closed by exec.
      const bool good = out == kLinesFd ? fcntl(out, F_SETFD, 0) == 0 : dup2(out, kLinesFd) >= 0;
      if (good) execv("/proc/self/exe", arguments.data());
      _exit(127);
    }
    if (pid_ < 0) std::abort();
    if (lines < 0) {
      close(ends[1]);
      in_ = ends[0];
    }
  }
  ~Child() {
    Kill();
    if (in_ >= 0) close(in_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // Everything that it said so far and that was taken.
  const std::vector<std::string>& lines() const { return lines_; }

  // Waits until there are so many lines; false when it ended before.
  bool WaitForLines(size_t count) {
    while (lines_.size() < count) {
      if (!Take()) return false;
    }
    return true;
  }
  // Waits until it says `line` once more after what was taken.
  bool WaitFor(std::string_view line) {
    for (size_t at = lines_.size(); WaitForLines(at + 1); ++at) {
      if (lines_[at] == line) return true;
    }
    return false;
  }
  // Takes what it has said, without waiting; false when it has ended.
  bool TakeLines() {
    pollfd ready{in_, POLLIN, 0};
    while (poll(&ready, 1, 0) == 1) {
      if (!Take()) return false;
    }
    return true;
  }
  // Takes what it says until `file` can be read; false when it ended before.
  bool TakeLinesUntil(int file) {
    while (true) {
      pollfd ready[] = {{file, POLLIN, 0}, {in_, POLLIN, 0}};
      if (poll(ready, 2, -1) < 0) continue;
      if (ready[0].revents != 0) return true;
      if (!Take()) return false;
    }
  }

  // Nothing that was said before is lost: the pipe outlives the process.
  void Kill() {
    if (pid_ > 0 && !ended_) kill(pid_, SIGKILL);
    Wait();
  }
  // The exit code, 1000 + the signal when one killed it; all lines are taken.
  int Wait() {
    if (ended_) return code_;
    while (in_ >= 0 && Take()) continue;
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    ended_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return code_;
  }

 private:
  // One read; false at the end.
  bool Take() {
    char buffer[65'536];
    ssize_t size = 0;
    do {
      size = read(in_, buffer, sizeof(buffer));
    } while (size < 0 && errno == EINTR);
    if (size <= 0) return false;
    rest_.append(buffer, static_cast<size_t>(size));
    size_t start = 0;
    for (size_t end = 0; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1) {
      lines_.push_back(rest_.substr(start, end - start));
    }
    rest_.erase(0, start);
    return true;
  }

  pid_t pid_ = -1;
  int in_ = -1;
  bool ended_ = false;
  int code_ = 0;
  std::string rest_;
  std::vector<std::string> lines_;
};

// A moment that depends on no clock: work of one or two nanoseconds a turn. It does not give the
// processor away: a busy machine would hand it back after milliseconds, each time.
inline void Dawdle(uint64_t turns) {
  std::atomic<uint64_t> left = turns;
  while (left.load(std::memory_order_relaxed) > 0) {
    left.store(left.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_CHILD_PROCESS_H_
