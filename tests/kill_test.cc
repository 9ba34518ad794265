// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at any moment of a process's life: while it makes the database, opens it, works, moves
// the log into the file and closes. What was told to somebody outside is there, and nothing is
// there twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child_process.h"
#include "cli_util.h"
#include "store_decorator.h"
#include "store_util.h"
#include "test_util.h"
#include "traffic.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool Long() { return std::getenv("LEADCORE_LONG") != nullptr; }

// What the last written word of a worker says of where it was killed.
std::string PhaseOf(const std::vector<std::string>& lines) {
  for (size_t i = lines.size(); i > 0; --i) {
    const std::string& line = lines[i - 1];
    if (line == "open") return "working";
    if (line == "opening" || line == "closing") return line;
    if (line == "closed") return "closing";
  }
  return "starting";
}

// Tells when a file is written to from now on.
class WriteWatch {
 public:
  explicit WriteWatch(const std::string& path) : file_(inotify_init1(IN_CLOEXEC)) {
    EXPECT_GE(inotify_add_watch(file_, path.c_str(), IN_MODIFY), 0) << path;
  }
  ~WriteWatch() { close(file_); }
  WriteWatch(const WriteWatch&) = delete;
  WriteWatch& operator=(const WriteWatch&) = delete;
  // Can be read after the first write.
  int file() const { return file_; }

 private:
  const int file_;
};

// One worker after the other on one database after the other, each killed.
class Killing {
 public:
  explicit Killing(uint64_t seed) : seed_(seed), random_(seed) {}

  // False when there were faults, which are told.
  bool Cycle() {
    if (file_ == nullptr) file_ = std::make_unique<File>();
    Words words = Plan();
    Child worker(words);
    Await(worker, words);
    worker.Kill();
    const std::string phase = PhaseOf(worker.lines());
    ++killed_[phase == "opening" && file_->ledger.events() == 0 ? "creating" : phase];
    for (const std::string& line : worker.lines()) file_->ledger.Told(line);
    Remember(worker.lines(), words);
    const bool good = Look();
    ++file_->cycle;
    if (file_->cycle >= kCyclesOfFile || file_->ledger.events() > kMostEvents)
      return Close() && good;
    return good;
  }

  // The end of a file: everything is looked at again.
  bool Close() {
    if (file_ == nullptr) return true;
    const auto store = OpenSqliteStore({file_->path});
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return false;
    const std::vector<std::string> faults = file_->ledger.CheckWhole(**store);
    EXPECT_THAT(faults, IsEmpty()) << Where();
    ++files_;
    acks_ += file_->ledger.acks();
    events_ += file_->ledger.events();
    file_.reset();
    return faults.empty();
  }

  std::string Where() const {
    return "seed " + std::to_string(seed_) + ", file " + std::to_string(files_) + ", cycle " +
           std::to_string(file_->cycle);
  }
  std::string Summary() const {
    std::string text = std::to_string(files_) + " files, " + std::to_string(acks_) +
                       " outcomes told, " + std::to_string(events_) + " events, " +
                       std::to_string(retried_) + " workers tried again";
    for (const auto& [phase, count] : killed_) text += ", " + phase + " " + std::to_string(count);
    return text;
  }
  const std::map<std::string, int>& killed() const { return killed_; }
  uint64_t retried() const { return retried_; }

 private:
  static constexpr uint64_t kCyclesOfFile = 20;
  static constexpr int64_t kMostEvents = 6'000;
  static constexpr uint64_t kShort = 256;  // turns of Dawdle
  enum class Moment { kOpening, kWorking, kClosing, kCheckpoint };

  struct File {
    Folder folder;
    const std::string path = folder / "leads.db";
    Ledger ledger;
    uint64_t cycle = 0;
    // The commands of the last worker that were not told an outcome begin here.
    uint64_t unknown_cycle = 0, unknown = 0;
    bool unknown_heavy = false;
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }

  Words Plan() {
    Words words;
    words.Set("db", file_->path);
    words.Set("seed", seed_ + files_);
    words.Set("cycle", file_->cycle);
    words.Set("people", 20 + 10 * file_->cycle);
    words.Set("ticks", 1);
    const uint64_t kind = Draw(20);
    if (kind < (file_->ledger.events() == 0 ? 14 : 4)) {
      moment_ = Moment::kOpening;
    } else if (kind < 12) {
      moment_ = Moment::kWorking;
      words.Set("session", Draw(2) == 0 ? 0 : 1 + Draw(60));
    } else if (kind < 16) {
      moment_ = Moment::kClosing;
      words.Set("session", 1 + Draw(20));
    } else {
      // That of closing, or the one that comes when the log is long.
      moment_ = Moment::kCheckpoint;
      words.Set("session", kind == 19 ? 0 : 1 + Draw(20));
      words.Set("heavy", kind == 19 ? 1 : 0);
    }
    if (file_->cycle > 0 && Draw(2) == 0) {
      words.Set("retry_cycle", file_->unknown_cycle);
      words.Set("retry_heavy", file_->unknown_heavy ? 1 : 0);
      words.Set("from", file_->unknown);
      words.Set("to", file_->unknown + Worker::kMostOfGroup + 2);
      ++retried_;
    }
    return words;
  }

  // Waits for the moment at which the worker shall die.
  void Await(Child& worker, const Words& words) {
    uint64_t longest = kShort << Draw(13);
    switch (moment_) {
      case Moment::kOpening:
        worker.WaitFor("opening");
        longest = kShort << Draw(16);
        break;
      case Moment::kWorking:
        worker.WaitForLines(2 + Draw(1 + Draw(120)));
        break;
      case Moment::kClosing:
        worker.WaitFor("closing");
        break;
      case Moment::kCheckpoint: {
        if (!worker.WaitFor("open")) break;
        // The file itself is written by a checkpoint only, once its tables are there.
        const WriteWatch watch(file_->path);
        worker.TakeLinesUntil(watch.file());
        longest = kShort << Draw(10);
        if (words.Number("session") == 0) ++killed_["checkpoint of a long log"];
      }
    }
    Dawdle(Draw(longest));
  }

  // The first command of this worker whose outcome nobody saw.
  void Remember(const std::vector<std::string>& lines, const Words& words) {
    uint64_t next = 0;
    const std::string own = "ack c" + words.Text("cycle") + "-";
    for (const std::string& line : lines) {
      if (line.starts_with(own)) next = std::strtoull(line.c_str() + own.size(), nullptr, 10) + 1;
      EXPECT_FALSE(line.starts_with("refused")) << line << ", " << Where();
    }
    file_->unknown_cycle = file_->cycle;
    file_->unknown = next;
    file_->unknown_heavy = words.Number("heavy") != 0;
  }

  // Half of the looks leave the log as it is: the next worker finds what the killed one left.
  bool Look() {
    const bool writing = file_->ledger.events() == 0 || Draw(2) == 0;
    if (file_->ledger.events() == 0) LookBeforeThereIsAnything();
    const auto store = OpenSqliteStore({.path = file_->path, .write = writing});
    EXPECT_TRUE(store.ok()) << store.status() << Where();
    if (!store.ok()) return false;
    const std::vector<std::string> faults = file_->ledger.Check(**store);
    EXPECT_THAT(faults, IsEmpty()) << Where();
    return faults.empty();
  }

  // A reader of a database that is not whole yet is told so, or finds it.
  void LookBeforeThereIsAnything() {
    const auto store = OpenSqliteStore({.path = file_->path, .write = false});
    const bool told = absl::IsNotFound(store.status()) || absl::IsInvalidArgument(store.status());
    EXPECT_TRUE(store.ok() || (told && file_->ledger.acks() == 0)) << store.status() << Where();
  }

  const uint64_t seed_;
  std::mt19937_64 random_;
  std::unique_ptr<File> file_;
  Moment moment_ = Moment::kOpening;
  uint64_t files_ = 0, acks_ = 0, retried_ = 0;
  int64_t events_ = 0;
  std::map<std::string, int> killed_;
};

TEST(Kill, MixedWorkLosesNothingAndDoublesNothing) {
  SCOPED_TRACE("seed " + std::to_string(Seed()));
  const size_t cycles = Long() ? 10'000 : Scaled(500);
  Killing killing(Seed());
  for (size_t i = 0; i < cycles; ++i) ASSERT_TRUE(killing.Cycle());
  ASSERT_TRUE(killing.Close());
  std::cout << cycles << " kills: " << killing.Summary() << "\n";
  // The moments were met, not only aimed at.
  for (const char* phase : {"creating", "opening", "working", "closing"}) {
    EXPECT_THAT(killing.killed(), Contains(::testing::Key(phase)));
  }
  EXPECT_GT(killing.retried(), 0u);
}

// ---- Canaries: the naive form of each promise, and the same without the mistake

// Tells callers that their batches are in, and writes them some calls later.
class EarlyStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  ~EarlyStore() override { Flush(); }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    // What opening writes has to be there for what comes.
    if (batches[0].request_id.empty()) return store_.Commit(workspace, batches, results);
    waiting_.insert(waiting_.end(), batches.begin(), batches.end());
    if (waiting_.size() >= kLate) Flush();
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kLate = 50;

  void Flush() {
    std::vector<CommitResult> results(waiting_.size());
    for (size_t i = 0; i < waiting_.size(); ++i) {
      waiting_[i].after.clear();
      const bool good =
          store_.Commit(kWorkspace, std::span(&waiting_[i], 1), std::span(&results[i], 1)).ok();
      if (!good) _exit(4);
    }
    waiting_.clear();
  }

  std::vector<Batch> waiting_;
};

// Stops for ever after so many commits, before the last one's caller is told.
class HangingStore : public StoreDecorator {
 public:
  HangingStore(Store* store, uint64_t commits) : StoreDecorator(store), left_(commits) {}

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const absl::Status status = store_.Commit(workspace, batches, results);
    if (!batches[0].request_id.empty() && --left_ == 0) {
      Say("hanging");
      while (true) pause();
    }
    return status;
  }

 private:
  uint64_t left_;
};

Worker::Wrap WrapOf(const Words& words) {
  if (words.Number("early") != 0) {
    return [](Store* store) { return std::make_unique<EarlyStore>(store); };
  }
  const uint64_t hang = words.Number("hang");
  if (hang == 0) return nullptr;
  return [hang](Store* store) { return std::make_unique<HangingStore>(store, hang); };
}

class KillCanary : public ::testing::Test {
 protected:
  Words Plan(uint64_t cycle) const {
    Words words;
    words.Set("db", path_);
    words.Set("seed", Seed());
    words.Set("cycle", cycle);
    words.Set("people", 1'000'000);  // no two the same
    return words;
  }
  void Hear(const Child& worker) {
    for (const std::string& line : worker.lines()) ledger_.Told(line);
  }
  std::vector<std::string> Faults() {
    const auto store = OpenSqliteStore({path_});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? ledger_.Check(**store) : std::vector<std::string>();
  }

  // A worker is killed between a commit and its outcome; the next one tries it again.
  std::vector<std::string> TryAgain(bool under_another_name) {
    Words words = Plan(0);
    words.Set("people", 10);
    words.Set("hang", 40);
    Child first(words);
    EXPECT_TRUE(first.WaitFor("hanging"));
    first.Kill();
    Hear(first);
    Words next = Plan(1);
    next.Set("people", 10);
    next.Set("session", 1);
    next.Set("sessions", 1);
    next.Set("retry_cycle", 0);
    const std::string last = first.lines()[first.lines().size() - 2];
    const uint64_t from = std::strtoull(last.c_str() + last.find('-') + 1, nullptr, 10) + 1;
    next.Set("from", from);
    next.Set("to", from + Worker::kMostOfGroup + 2);
    next.Set("rename", under_another_name ? 1 : 0);
    Child second(next);
    EXPECT_EQ(second.Wait(), 0);
    Hear(second);
    return Faults();
  }

  const Folder folder_;
  const std::string path_ = folder_ / "leads.db";
  Ledger ledger_;
};

TEST_F(KillCanary, ToldBeforeTheCommitIsFoundLost) {
  Words words = Plan(0);
  words.Set("early", 1);
  Child worker(words);
  ASSERT_TRUE(worker.WaitForLines(130));
  worker.Kill();
  Hear(worker);
  EXPECT_THAT(Faults(), Contains(HasSubstr("lost: c0-")));
}

TEST_F(KillCanary, ToldAfterTheCommitIsNotLost) {
  Child worker(Plan(0));
  ASSERT_TRUE(worker.WaitForLines(130));
  worker.Kill();
  Hear(worker);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(KillCanary, ARetryUnderAnotherRequestIdIsFoundDoubled) {
  EXPECT_THAT(TryAgain(true), Contains(HasSubstr("doubled: op:c0-")));
}

TEST_F(KillCanary, ARetryUnderTheSameRequestIdIsNotDoubled) {
  EXPECT_THAT(TryAgain(false), IsEmpty());
}

// ---- leadcore import

// Rows of which every fifth is somebody who came before.
std::string Rows(uint64_t seed, size_t rows) {
  std::mt19937_64 random(seed);
  std::string text = "Full Name,Email,Country,Employee Count,Description\n";
  for (size_t i = 0; i < rows; ++i) {
    const size_t person = i > 0 && random() % 5 == 0 ? random() % i : i;
    const std::string number = std::to_string(person);
    text += "Person No" + number + "," + Traffic::EmailOf(person) + "," +
            (random() % 2 == 0 ? "US" : "DE") + "," + (random() % 3 == 0 ? "900" : "20") +
            ",op:" + std::to_string(i) + ";\n";
  }
  return text;
}

class KillImport : public ::testing::Test {
 protected:
  KillImport() {
    line_.Write("rows.csv", Rows(Seed(), kRows));
    line_.Write("model.json", std::string(kWorkModel));
  }

  std::vector<std::string> Import(const std::string& db) const {
    return {"import",  "rows.csv",   "--db",  db,
            "--model", "model.json", "--now", "2026-01-05T09:00:00Z"};
  }
  std::string Exported(const std::string& db) const {
    const Ran ran = line_.Run({"export", "--db", db, "--format", "jsonl"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ran.out;
  }
  std::vector<std::string> Faults(const std::string& db) const {
    const auto store = OpenSqliteStore({.path = line_.Path(db), .write = false});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? Ledger().Check(**store) : std::vector<std::string>();
  }
  // How often one can look before it has ended by itself; SIGKILL after `most` looks.
  uint64_t RunFor(const std::string& db, uint64_t most) const {
    const pid_t child = line_.Start(Import(db));
    uint64_t looks = 0;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (++looks > most) kill(child, SIGKILL);
      Dawdle(kBetweenLooks);
    }
    EXPECT_TRUE(looks > most || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        << line_.Read("stderr");
    return looks;
  }

  static constexpr size_t kRows = 2'400;
  static constexpr uint64_t kBetweenLooks = 10'000;
  const CommandLine line_;
};

TEST_F(KillImport, EndsAsOneThatNobodyKilled) {
  SCOPED_TRACE("seed " + std::to_string(Seed()));
  const uint64_t looks = RunFor("whole.db", UINT64_MAX);
  const std::string whole = Exported("whole.db");
  ASSERT_NE(whole, "");
  ASSERT_THAT(Faults("whole.db"), IsEmpty());
  std::mt19937_64 random(Seed());
  const size_t kills = Long() ? 1'000 : Scaled(40);
  size_t killed = 0, in_the_middle = 0;
  for (size_t file = 0; killed < kills; ++file) {
    const std::string db = "part" + std::to_string(file) + ".db";
    for (size_t left = 1 + random() % 6; left > 0; --left) {
      const uint64_t most = random() % looks;
      if (RunFor(db, most) <= most) break;
      ++killed;
      if (!OpenSqliteStore({.path = line_.Path(db), .write = false}).ok()) continue;
      ASSERT_THAT(Faults(db), IsEmpty()) << db;
      ++in_the_middle;
    }
    const Ran ran = line_.Run(Import(db));
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(Count(ran.Result(), "rows"), static_cast<int64_t>(kRows));
    ASSERT_EQ(Exported(db) == whole, true) << db << " ends with other leads";
    ASSERT_THAT(Faults(db), IsEmpty()) << db;
    std::filesystem::remove(line_.Path(db));
  }
  std::cout << killed << " kills of an import, " << in_the_middle << " of them with a database\n";
  EXPECT_GT(in_the_middle, 0u);
}

// What a file is without the names of its rows: read again it is new.
TEST_F(KillImport, CanaryOtherRequestIdsDoubleRows) {
  ASSERT_EQ(line_.Run(Import("leads.db")).code, 0);
  line_.Write("rows.csv", line_.Read("rows.csv") + "\n");
  ASSERT_EQ(line_.Run(Import("leads.db")).code, 0);
  EXPECT_THAT(Faults("leads.db"), Contains(HasSubstr("doubled: op:")));
}

}  // namespace
}  // namespace leadcore::testing

int main(int argc, char** argv) {
  using leadcore::testing::Words;
  if (argc > 1 && argv[1] == leadcore::testing::kChildWord) {
    const Words words = Words::FromArguments(argc, argv, 2);
    return leadcore::testing::Worker(words, leadcore::testing::WrapOf(words)).Run();
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
