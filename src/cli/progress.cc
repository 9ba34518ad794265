// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace leadcore::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int kWidth = 24;

}  // namespace

Progress::Progress(std::string what, int64_t total_bytes)
    : what_(std::move(what)),
      total_(total_bytes),
      shown_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      drawn_(start_) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

double Progress::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::Update(int64_t bytes, int64_t rows) {
  const Clock::time_point now = Clock::now();
  if (!shown_ || now - drawn_ < kRedraw) return;
  drawn_ = now;
  const double part = total_ <= 0 ? 1 : std::min(1.0, static_cast<double>(bytes) / total_);
  const int full = static_cast<int>(part * kWidth);
  std::string bar(full, '#');
  bar.resize(kWidth, '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %3.0f%%  %lld rows, %.0f a second", what_.c_str(),
               bar.c_str(), part * 100, static_cast<long long>(rows),
               static_cast<double>(rows) / std::max(Seconds(), 0.001));
  std::fflush(stderr);
}

}  // namespace leadcore::cli
