// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_CLI_PROGRESS_H_
#define LEADCORE_SRC_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace leadcore::cli {

// One line on stderr that is drawn again and again; nothing when stderr is no terminal.
class Progress {
 public:
  Progress(std::string what, int64_t total_bytes);
  ~Progress();  // wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Update(int64_t bytes, int64_t rows);
  double Seconds() const;

 private:
  const std::string what_;
  const int64_t total_;
  const bool shown_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_PROGRESS_H_
