// SPDX-License-Identifier: Apache-2.0
//
// Runs the leadcore command in a folder of its own and keeps what it says.
#ifndef LEADCORE_TESTS_CLI_UTIL_H_
#define LEADCORE_TESTS_CLI_UTIL_H_

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test_util.h"

namespace leadcore::testing {

struct Ran {
  int code = -1;  // of the exit; 1000 + the signal when one killed it
  std::string out, err;

  // The last line of stdout as JSON; null when it is none.
  nlohmann::json Result() const {
    std::string text = out;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const size_t line = text.rfind('\n');
    return nlohmann::json::parse(line == std::string::npos ? text : text.substr(line + 1), nullptr,
                                 false);
  }
  // Every line of stdout as JSON.
  std::vector<nlohmann::json> Lines() const {
    std::vector<nlohmann::json> lines;
    for (size_t start = 0; start < out.size();) {
      const size_t end = std::min(out.find('\n', start), out.size());
      lines.push_back(nlohmann::json::parse(out.substr(start, end - start), nullptr, false));
      start = end + 1;
    }
    return lines;
  }
};

// A temporary folder that goes with the object, and commands that run in it.
class CommandLine {
 public:
  std::string Path(std::string_view name) const { return folder_ / name; }

  std::string Write(std::string_view name, std::string_view text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
  std::string Read(std::string_view name) const { return ReadFile(folder_ / name); }

  // A child process whose streams are files of the folder; not waited for.
  pid_t Start(std::vector<std::string> words, std::string_view input = "") const {
    Write("stdin", input);
    const pid_t child = fork();
    if (child != 0) return child;
    std::vector<char*> arguments = {const_cast<char*>(LEADCORE_COMMAND)};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const bool good = chdir(folder_.path().c_str()) == 0 && Redirect("stdin", O_RDONLY, 0) &&
                      Redirect("stdout", O_WRONLY | O_CREAT | O_TRUNC, 1) &&
                      Redirect("stderr", O_WRONLY | O_CREAT | O_TRUNC, 2);
    if (good) execv(LEADCORE_COMMAND, arguments.data());
    _exit(127);
  }

  Ran Wait(pid_t child) const {
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), Read("stdout"),
            Read("stderr")};
  }

  Ran Run(std::vector<std::string> words, std::string_view input = "") const {
    return Wait(Start(std::move(words), input));
  }

 private:
  static bool Redirect(const char* file, int flags, int to) {
    const int from = open(file, flags, 0644);
    return from >= 0 && dup2(from, to) >= 0;
  }

  Folder folder_;
};

inline int64_t Count(const nlohmann::json& result, const char* name) {
  return result.is_object() && result.contains(name) ? result[name].get<int64_t>() : -1;
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_CLI_UTIL_H_
