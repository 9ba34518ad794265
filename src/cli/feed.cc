// SPDX-License-Identifier: Apache-2.0
//
// feed: pages are read and made text side by side, and printed in order. Positions are dense: where
// a page begins is known before the one in front of it was read. Only if that one ends there, the
// page is printed; else the feed ended or grew meanwhile, and it goes on from what was printed.
#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <iostream>
#include <limits>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "context.h"
#include "json_out.h"
#include "text.h"

namespace leadcore::cli {
namespace {

constexpr int64_t kPage = 1000;         // events
constexpr size_t kMostText = 16 << 20;  // bytes after which a page ends early
constexpr size_t kMostThreads = 4;
constexpr auto kPoll = std::chrono::milliseconds(200);

// Some events as text.
struct Page {
  FeedRequest request;
  JsonWriter text;
  int64_t last = 0;  // position of the last event; the one asked for while there is none
  int64_t events = 0;
  absl::Status status;

  bool full() const { return last - request.after == static_cast<int64_t>(request.limit); }
};

class FeedPrinter {
 public:
  FeedPrinter(const Reading& reading, const Options& options)
      : engine_(*reading.session->engine),
        call_(reading.call),
        options_(options),
        after_(options.after),
        left_(options.limit < 0 ? std::numeric_limits<int64_t>::max() : options.limit) {}

  absl::Status Run() {
    while (left_ > 0 && !Interrupted() && std::cout) {
      ReadAhead();
      Page page = ahead_.front().get();
      ahead_.pop_front();
      std::cout << page.text.text();
      if (!page.status.ok()) return page.status;
      after_ = page.last;
      left_ -= page.events;
      page.text.Clear();
      spare_.push_back(std::move(page.text));
      // A feed of one page, or one that is waited for, needs no threads.
      most_ahead_ = page.full() ? Threads() : 1;
      if (!page.full()) ahead_.clear();
      if (page.events > 0) continue;
      if (!options_.follow) break;
      std::cout.flush();
      std::this_thread::sleep_for(kPoll);
    }
    return absl::OkStatus();
  }

 private:
  static size_t Threads() {
    return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  }

  void ReadAhead() {
    while (ahead_.size() < most_ahead_) {
      const int64_t between = static_cast<int64_t>(ahead_.size()) * kPage;
      if (between >= left_) return;
      Page page;
      page.request.after = page.last = after_ + between;
      page.request.limit = static_cast<size_t>(std::min(kPage, left_ - between));
      if (!spare_.empty()) {
        page.text = std::move(spare_.back());
        spare_.pop_back();
      }
      // Deferred: read by who waits for it. So is a page for which the system has no thread.
      const auto how =
          most_ahead_ == 1 ? std::launch::deferred : std::launch::async | std::launch::deferred;
      ahead_.push_back(std::async(how, &FeedPrinter::Read, this, std::move(page)));
    }
  }

  // Called by several threads at once.
  Page Read(Page page) const {
    const auto write = [&](const Event& event) {
      WriteEvent(event, engine_.model().schema(), options_.json, &page.text);
      page.text.EndLine();
      page.last = event.position;
      ++page.events;
      return page.text.text().size() < kMostText;
    };
    try {
      page.status = engine_.Feed(call_, page.request, write);
    } catch (const std::bad_alloc&) {
      page.text.Clear();  // its last line may not be whole
      page.status = absl::ResourceExhaustedError("out of memory");
    }
    return page;
  }

  const Engine& engine_;
  const Call& call_;
  const Options& options_;
  int64_t after_;  // position of the last event that was printed
  int64_t left_;   // events to be printed
  size_t most_ahead_ = 1;
  std::vector<JsonWriter> spare_;  // their memory is used again
  // The pages that follow. Goes first: whoever reads one uses the rest of this.
  std::deque<std::future<Page>> ahead_;
};

// Who has seen more than there is has seen another feed.
absl::Status CheckCursor(const Reading& reading, int64_t after) {
  if (after == 0) return absl::OkStatus();
  FeedRequest request;
  request.after = after - 1;
  request.limit = 1;
  request.headers_only = true;
  bool there = false;
  const absl::Status status =
      reading.session->engine->Feed(reading.call, request, [&](const Event& event) {
        there = event.position == after;
        return true;
      });
  if (!status.ok() || there) return status;
  return absl::OutOfRangeError(ToAbsl(
      Cat("--after ", after, ": the feed is not as long; what was read up to there came from ",
          "another database, or from this one before a backup was restored: read again from the ",
          "start")));
}

}  // namespace

int Feed(const Options& options) {
  const Reading reading = OpenForReading(options);
  if (reading.session == nullptr) return reading.code;
  const absl::Status known = CheckCursor(reading, options.after);
  if (!known.ok()) return Fail(known);
  return Finished(FeedPrinter(reading, options).Run());
}

}  // namespace leadcore::cli
