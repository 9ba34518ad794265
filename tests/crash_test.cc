// SPDX-License-Identifier: Apache-2.0
//
// Power fails at every operation on the disk: what was acknowledged is there, what is there is
// whole. Unsynced data is lost, kept, or torn in sectors, some of them garbage.
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "disk_vfs.h"
#include "leadcore/audit.h"
#include "store/seal.h"
#include "store_decorator.h"
#include "store_util.h"
#include "test_util.h"
#include "text.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

constexpr const char* kPath = "/crash.db";
constexpr size_t kPageSize = 1024;

struct Ack {
  size_t after;  // so many operations were done when it was told
  std::string request_id;
};
struct Recording {
  std::vector<DiskOp> ops;
  std::vector<Ack> acks;
};

absl::StatusOr<std::unique_ptr<Store>> OpenOn(const FakeDisk& disk, bool write) {
  return OpenSqliteStore(
      {.path = kPath, .write = write, .page_size = kPageSize, .vfs = disk.name()});
}

using Wrap = std::function<std::unique_ptr<Store>(std::unique_ptr<Store>)>;

// The commands of a seed, singly and in groups, the store closed and opened again now and then.
Recording Record(uint64_t seed, size_t commands, const std::string& name, const Wrap& wrap) {
  Recording recording;
  FakeDisk disk(name);
  disk.record = [&](DiskOp op) { recording.ops.push_back(std::move(op)); };
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  Workload workload(seed, model, 40);
  std::vector<std::string> known;
  Call call{FromMicros(kStart), "tester", "work", ""};
  for (size_t done = 0; done < commands;) {
    auto store = OpenOn(disk, true);
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return recording;
    std::unique_ptr<Store> used = wrap ? wrap(*std::move(store)) : *std::move(store);
    const auto engine = Engine::Open({model, "test", false}, used.get(), call);
    EXPECT_TRUE(engine.ok()) << engine.status();
    for (const size_t stop = std::min(done + 40, commands); done < stop;) {
      call.now = FromMicros(workload.NextNow(ToMicros(call.now)));
      std::vector<Command> group;
      const size_t size = workload.Draw(3) == 0 ? 1 + workload.Draw(10) : 1;
      for (size_t i = 0; i < size && done < stop; ++i) {
        group.push_back(workload.Next("request-" + std::to_string(done++), known));
      }
      const std::vector<Reply> replies = (*engine)->ApplyMany(call, group);
      for (size_t i = 0; i < replies.size(); ++i) {
        EXPECT_NE(replies[i].outcome, Outcome::kFailed) << replies[i].status;
        if (replies[i].outcome == Outcome::kCreated) known.push_back(replies[i].lead_id);
        if (replies[i].positions.empty()) continue;
        recording.acks.push_back({recording.ops.size(), group[i].request_id});
      }
      if (workload.Draw(10) != 0) continue;
      EXPECT_TRUE((*engine)->Tick(call, 1000).ok());
    }
  }
  return recording;
}

// What a reader of a database with a log can see of its files, told apart from all else: SQLite
// recovers the log, which says how many of its frames count, and what they hold it reads nowhere
// else. Nothing where that is not so simple: without a log, with a journal, or with an error.
std::optional<std::string> Visible(const FakeDisk& disk) {
  constexpr size_t kLogHeader = 32, kFrameHeader = 24, kFrame = kFrameHeader + kPageSize;
  constexpr size_t kFramesAt = 16;  // in the header of the log's index, as the machine writes it
  const std::string* const file = disk.FindFile(kPath);
  const std::string* const log = disk.FindFile(std::string(kPath) + "-wal");
  if (file == nullptr || log == nullptr) return std::nullopt;
  if (disk.FindFile(std::string(kPath) + "-journal") != nullptr) return std::nullopt;
  sqlite3* database = nullptr;
  int code = sqlite3_open_v2(kPath, &database, SQLITE_OPEN_READWRITE, disk.name().c_str());
  // As a reader of ours it leaves the files as they are, and it need not know the tables.
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(database, "PRAGMA user_version", nullptr, nullptr, nullptr);
  }
  const std::string_view shared = disk.SharedHeader(kPath);
  uint32_t frames = 0;
  if (!shared.empty()) std::memcpy(&frames, shared.data() + kFramesAt, sizeof(frames));
  sqlite3_close(database);
  const size_t used = kLogHeader + frames * kFrame;
  if (code != SQLITE_OK || shared.empty() || log->size() < used) return std::nullopt;
  XXH3_state_t hash;
  XXH3_128bits_reset(&hash);
  XXH3_128bits_update(&hash, log->data(), used);
  std::vector<bool> in_log(file->size() / kPageSize + 1);
  for (size_t at = kLogHeader; at < used; at += kFrame) {
    const auto* const number = reinterpret_cast<const unsigned char*>(log->data() + at);
    const size_t page =
        size_t{number[0]} << 24 | size_t{number[1]} << 16 | size_t{number[2]} << 8 | number[3];
    // The first page is looked at in the file too, before the log is.
    if (page > 1 && page <= in_log.size()) in_log[page - 1] = true;
  }
  for (size_t page = 0; page < in_log.size(); ++page) {
    const std::string_view bytes = std::string_view(*file).substr(page * kPageSize, kPageSize);
    if (!in_log[page]) XXH3_128bits_update(&hash, bytes.data(), bytes.size());
  }
  const XXH128_hash_t digest = XXH3_128bits_digest(&hash);
  return Cat(int64_t{frames}, " ", file->size(), " ", std::to_string(digest.high64), " ",
             std::to_string(digest.low64));
}

// What is wrong with a disk after a power loss; "" when nothing is.
class Checker {
 public:
  Checker(const std::vector<Ack>& acks, const std::string& name) : acks_(acks), name_(name) {}

  // How many images were not, in what is seen of them, as one before.
  size_t different() const { return different_; }

  std::string Check(DiskFiles files, size_t ops, bool thoroughly) {
    FakeDisk disk(name_, std::move(files));
    const size_t acknowledged = static_cast<size_t>(
        std::upper_bound(acks_.begin(), acks_.end(), ops,
                         [](size_t at, const Ack& ack) { return at < ack.after; }) -
        acks_.begin());
    // Before the tables are there only a writer can open it, and a writer goes by more than that.
    const bool write = thoroughly || acknowledged == 0;
    const std::optional<std::string> visible = write ? std::nullopt : Visible(disk);
    if (!visible) return Check(disk, acknowledged, write, thoroughly);
    const auto [at, fresh] = known_.try_emplace({*visible, acknowledged});
    if (fresh) at->second = Check(disk, acknowledged, false, false);
    return at->second;
  }

 private:
  std::string Check(const FakeDisk& disk, size_t acknowledged, bool write, bool thoroughly) {
    ++different_;
    const auto store = OpenOn(disk, write);
    if (!store.ok()) return std::string(Message(store.status()));
    std::string fault = ReadFeed(**store);
    if (fault.empty()) fault = CompareLeads(**store);
    for (size_t i = 0; fault.empty() && i < acknowledged; ++i) {
      if (requests_.count(acks_[i].request_id) == 0) fault = "lost: " + acks_[i].request_id;
    }
    if (fault.empty() && acknowledged > 0) {
      const auto outcome = (*store)->FindOutcome("test", acks_[acknowledged - 1].request_id);
      if (!outcome.ok() || !*outcome) fault = "no outcome of the last request";
    }
    if (fault.empty() && thoroughly) fault = Verify(**store);
    return fault;
  }

  std::string ReadFeed(const Store& store) {
    leads_.clear();
    requests_.clear();
    FeedRequest request;
    request.headers_only = true;
    request.limit = 10'000;
    int64_t position = 0;
    std::string chain, fault;
    const absl::Status status = store.Feed("test", request, [&](const Event& event) {
      if (event.position != ++position) fault = "the feed has a hole";
      if (NextChain(chain, EncodeEventHeader(event)) != event.chain) fault = "the chain is broken";
      chain = event.chain;
      requests_.insert(event.request_id);
      if (event.type == "created" || event.type == "imported") leads_.insert(event.leads[0]);
      if (event.type == "erased") leads_.erase(event.leads[0]);
      return true;
    });
    return status.ok() ? fault : std::string(Message(status));
  }

  // The leads are those of the feed, each with its state.
  std::string CompareLeads(const Store& store) {
    const auto snapshot = store.Read("test");
    if (!snapshot.ok()) return std::string(Message(snapshot.status()));
    for (const RecordKind kind : {RecordKind::kLead, RecordKind::kLeadState}) {
      std::set<std::string> there;
      ScanRequest scan;
      scan.kind = kind;
      scan.limit = 10'000;
      const absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
            there.insert(record.key.id);
            return true;
          });
      if (!status.ok()) return std::string(Message(status));
      if (there != leads_) return "the leads are not those of the feed";
    }
    return "";
  }

  static std::string Verify(const Store& store) {
    std::string fault;
    const auto tell = [&](std::string_view what) { fault = what; };
    const absl::Status storage = store.Verify(tell);
    if (!storage.ok()) return fault.empty() ? std::string(Message(storage)) : fault;
    const auto reply = VerifyWorkspace(store, "test", tell);
    return reply.ok() ? fault : std::string(Message(reply.status()));
  }

  const std::vector<Ack>& acks_;
  const std::string name_;
  // What came of what was visible, with so many acknowledgements.
  std::map<std::pair<std::string, size_t>, std::string> known_;
  size_t different_ = 0;
  std::set<std::string> leads_, requests_;
};

struct Tally {
  std::atomic<size_t> images = 0, different = 0, bad = 0;
  std::mutex mutex;
  std::string first;  // what was wrong first
};

// Looks at every image that belongs to `part` of `parts`. Images of operations that follow each
// other are much alike: they stay together.
void CheckImages(const Recording& recording, uint64_t seed, size_t torn, size_t part, size_t parts,
                 Tally* tally) {
  constexpr size_t kThorough = 97, kTogether = 32;
  CrashModel model;
  Checker checker(recording.acks, "crash-" + std::to_string(seed) + "-" + std::to_string(part));
  size_t number = 0;
  for (size_t done = 0; done <= recording.ops.size(); ++done) {
    if (done > 0) model.Do(recording.ops[done - 1]);
    const bool pending = model.AnyPending();
    for (size_t variant = 0; variant < torn + 2; ++variant) {
      if (variant > 0 && !pending) break;
      if (number++; done / kTogether % parts != part) continue;
      std::mt19937_64 random(seed + number);
      DiskFiles files = variant == 0   ? model.Kept()
                        : variant == 1 ? model.Lost()
                                       : model.Torn(&random);
      const std::string fault = checker.Check(std::move(files), done, number % kThorough == 0);
      ++tally->images;
      if (fault.empty()) continue;
      ++tally->bad;
      const std::lock_guard lock(tally->mutex);
      if (tally->first.empty()) {
        tally->first = "image " + std::to_string(number) + " after operation " +
                       std::to_string(done) + ", variant " + std::to_string(variant) + ": " + fault;
      }
    }
  }
  tally->different += checker.different();
}

void CheckAll(const Recording& recording, uint64_t seed, size_t torn, Tally* tally) {
  std::vector<std::thread> threads;
  for (size_t part = 0; part < 2; ++part) {
    threads.emplace_back([&, part] { CheckImages(recording, seed, torn, part, 2, tally); });
  }
  for (std::thread& thread : threads) thread.join();
}

class CrashTest : public ::testing::Test {
 protected:
  // The threads would stand in line for SQLite's account of its memory.
  static void SetUpTestSuite() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
};

TEST_F(CrashTest, NothingAcknowledgedIsLostAtAnyOperation) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const Recording recording = Record(seed, Scaled(600), "crash-record", nullptr);
  ASSERT_GT(recording.acks.size(), Scaled(300));
  const size_t wanted = std::getenv("LEADCORE_LONG") != nullptr ? 1'000'000 : Scaled(100'000);
  const size_t torn = wanted / recording.ops.size();
  Tally tally;
  CheckAll(recording, seed, torn, &tally);
  std::cout << recording.ops.size() << " operations, " << recording.acks.size()
            << " acknowledgements, " << tally.images << " images, " << tally.different
            << " looked at whole, " << tally.bad << " bad, seed " << seed << "\n";
  EXPECT_EQ(tally.bad, 0u) << tally.first;
  EXPECT_GE(tally.images, wanted);
}

// The canary: the log is synced only before its pages go into the file, and told to be synced.
TEST_F(CrashTest, SynchronousNormalClaimedAsFullIsFound) {
  const uint64_t seed = Seed() + 1;
  Recording recording = Record(seed, 60, "crash-normal", nullptr);
  for (size_t i = 0; i + 1 < recording.ops.size(); ++i) {
    DiskOp& op = recording.ops[i];
    if (op.kind != DiskOp::Kind::kSync || !op.path.ends_with("-wal")) continue;
    if (recording.ops[i + 1].path == kPath) continue;
    op = {DiskOp::Kind::kWrite, op.path};  // nothing
  }
  Tally tally;
  CheckAll(recording, seed, 0, &tally);
  std::cout << tally.bad << " of " << tally.images << " images bad\n";
  EXPECT_GT(tally.bad, 10u);
}

// Commits the events of a batch after the batch.
class EventsLater : public StoreDecorator {
 public:
  explicit EventsLater(std::unique_ptr<Store> store)
      : StoreDecorator(store.get()), owned_(std::move(store)) {}
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    std::vector<Event> events;
    std::vector<Batch> first(batches.begin(), batches.end());
    for (Batch& batch : first) {
      batch.finish = [finish = batch.finish, &events](const Given& given) {
        Writes writes = finish(given);
        for (Event& event : writes.events) events.push_back(std::move(event));
        writes.events.clear();
        return writes;
      };
    }
    const absl::Status status = store_.Commit(workspace, first, results);
    if (!status.ok() || events.empty()) return status;
    Batch second;
    second.finish = [&events](const Given&) {
      Writes writes;
      writes.events = events;
      return writes;
    };
    CommitResult result;
    const absl::Status told =
        store_.Commit(workspace, std::span(&second, 1), std::span(&result, 1));
    for (CommitResult& one : results) one.positions = result.positions;
    return told;
  }

 private:
  const std::unique_ptr<Store> owned_;
};

TEST_F(CrashTest, FeedRowsInASecondTransactionAreFound) {
  const uint64_t seed = Seed() + 2;
  const Recording recording =
      Record(seed, 40, "crash-later", [](std::unique_ptr<Store> store) -> std::unique_ptr<Store> {
        return std::make_unique<EventsLater>(std::move(store));
      });
  Tally tally;
  CheckAll(recording, seed, 0, &tally);
  std::cout << tally.bad << " of " << tally.images << " images bad\n";
  EXPECT_GT(tally.bad, 10u);
}

}  // namespace
}  // namespace leadcore::testing
