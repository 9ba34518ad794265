// SPDX-License-Identifier: Apache-2.0
//
// One process writes, any number read beside it: the real command, real processes, and what a
// second writer is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
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

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kPeople = 40;

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() {
    line_.Write("rows.csv", "Full Name,Email\nAda Byron,ada@example.org\n");
    line_.Write("model.json", std::string(kWorkModel));
  }

  // A worker that owns the database; `stop`: it stands still for ever after so many commits.
  Words Owner(uint64_t stop = 0, uint64_t cycle = 0) const {
    Words words;
    words.Set("role", "worker");
    words.Set("db", line_.Path("leads.db"));
    words.Set("seed", Seed());
    words.Set("cycle", cycle);
    words.Set("people", kPeople);
    words.Set("ticks", 1);
    words.Set("stop", stop);
    return words;
  }

  // The commands that only read, each once; `lead` is one that is in.
  static std::vector<std::vector<std::string>> Readers(const std::string& lead) {
    return {{"list", "--db", "leads.db"},
            {"list", "--db", "leads.db", "--filter", "lead.country == 'US'", "--sort", "score"},
            {"show", lead, "--db", "leads.db"},
            {"report", "source", "--db", "leads.db"},
            {"report", "aging", "--db", "leads.db"},
            {"feed", "--db", "leads.db", "--json"},
            {"export", "--format", "csv", "--db", "leads.db"},
            {"export", "--format", "jsonl", "--db", "leads.db"}};
  }
  std::vector<std::vector<std::string>> Writers() const {
    return {{"import", "rows.csv", "--db", "leads.db"},
            {"log", "--db", "leads.db", "--email", Traffic::EmailOf(1), "--kind", "note"},
            {"tick", "--db", "leads.db"}};
  }

  void Hear(const Child& child) {
    for (; heard_ < child.lines().size(); ++heard_) {
      ledger_.Told(child.lines()[heard_]);
      std::istringstream words(child.lines()[heard_]);
      std::string what, request_id, outcome, lead;
      int64_t position = 0;
      if (!(words >> what >> request_id >> outcome >> lead >> position) || what != "ack") continue;
      told_ = std::max(told_, position);
      if (outcome == "created") created_.push_back(lead);
    }
  }
  std::vector<std::string> Faults() {
    const auto store = OpenSqliteStore({.path = line_.Path("leads.db"), .write = false});
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return {};
    std::vector<std::string> faults = ledger_.Check(**store);
    if (faults.empty()) faults = ledger_.CheckWhole(**store);
    return faults;
  }

  const CommandLine line_;
  Ledger ledger_;
  size_t heard_ = 0;                  // lines
  int64_t told_ = 0;                  // the last position that the owner was told
  std::vector<std::string> created_;  // leads that it was told
};

// Every event that was told before the command began, without a hole.
void CheckFeed(const Ran& ran, int64_t told) {
  const std::vector<nlohmann::json> events = ran.Lines();
  for (size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i]["sequence"], static_cast<int64_t>(i + 1));
  }
  EXPECT_GE(static_cast<int64_t>(events.size()), told);
}

TEST_F(ProcessTest, EverythingIsReadBesideALiveOwner) {
  Child owner(Owner());
  ASSERT_TRUE(owner.WaitForLines(200));
  for (size_t round = 0; round < 5; ++round) {
    Hear(owner);
    ASSERT_FALSE(created_.empty());
    for (const std::vector<std::string>& words : Readers(created_[round % created_.size()])) {
      SCOPED_TRACE(words[0]);
      // It has written since the last look.
      ASSERT_TRUE(owner.WaitForLines(owner.lines().size() + 20));
      Hear(owner);
      const int64_t told = told_;
      const bool all = words[0] == "export" || words == Readers("")[0];
      const std::string lead = words[0] == "show" ? words[1] : created_.back();
      const Ran ran = line_.Run(words);
      EXPECT_EQ(ran.code, 0) << ran.err;
      EXPECT_EQ(ran.err, "");
      EXPECT_NE(ran.out, "");
      if (words[0] == "feed") CheckFeed(ran, told);
      if (all || words[0] == "show") {
        EXPECT_THAT(ran.out, HasSubstr(lead));
      }
    }
  }
  EXPECT_TRUE(owner.WaitForLines(owner.lines().size() + 20)) << "the owner was not held up";
  owner.Kill();
  Hear(owner);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(ProcessTest, ASecondWriterIsToldWhoTheFirstIsAndTheTwoWaysOut) {
  Child owner(Owner());
  ASSERT_TRUE(owner.WaitForLines(50));
  for (const std::vector<std::string>& words : Writers()) {
    const Ran ran = line_.Run(words);
    EXPECT_EQ(ran.code, 1) << words[0];
    EXPECT_EQ(ran.out, "") << words[0];
    EXPECT_THAT(ran.err, AllOf(HasSubstr("process " + std::to_string(owner.pid())),
                               HasSubstr("one process"), HasSubstr("database server")))
        << words[0];
    ASSERT_TRUE(owner.WaitForLines(owner.lines().size() + 5)) << "the first goes on";
  }
  owner.Kill();
  Hear(owner);
  EXPECT_THAT(Faults(), IsEmpty()) << "nothing came from the second writers";
}

TEST_F(ProcessTest, AfterAKillTheNextWriterIsInAtOnce) {
  uint64_t cycle = 0;
  for (int round = 0; round < 5; ++round) {
    for (const std::vector<std::string>& words : Writers()) {
      Child owner(Owner(0, cycle++));
      ASSERT_TRUE(owner.WaitForLines(10));
      owner.Kill();
      heard_ = 0;
      Hear(owner);
      const Ran ran = line_.Run(words);
      // An activity of somebody who is not in yet is refused, not the writer.
      EXPECT_TRUE(ran.code == 0 || ran.err.find("no lead has") != std::string::npos) << ran.err;
    }
  }
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(ProcessTest, WhoWaitsGetsInWhenTheOwnerDies) {
  Child owner(Owner());
  ASSERT_TRUE(owner.WaitForLines(10));
  const pid_t waiting = line_.Start({"import", "rows.csv", "--db", "leads.db", "--wait", "10m"});
  ASSERT_TRUE(owner.WaitForLines(200));
  owner.Kill();
  const Ran ran = line_.Wait(waiting);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Count(ran.Result(), "created"), 1);
}

// ---- The lock and fork

class ForkTest : public ProcessTest {
 protected:
  // What the owner leaves behind comes to this process when the owner is gone.
  ForkTest() { prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~ForkTest() override { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  // An owner that forks; the process that it leaves behind is told by its line.
  Child Forked(std::string how) {
    Words words;
    words.Set("role", "forker");
    words.Set("db", line_.Path("leads.db"));
    words.Set("how", std::move(how));
    return Child(words);
  }
  // `lines` are said before it is at its place.
  static pid_t Left(Child& owner, size_t lines = 1) {
    if (!owner.WaitForLines(lines)) return -1;
    for (const std::string& line : owner.lines()) {
      if (line.starts_with("forked ")) return static_cast<pid_t>(std::atoi(line.c_str() + 7));
    }
    return -1;
  }
  // With its end its files are closed. The owner has to be gone.
  static void End(pid_t left) {
    EXPECT_EQ(kill(left, SIGKILL), 0);
    EXPECT_EQ(waitpid(left, nullptr, 0), left);
  }
  absl::Status Opened() const { return OpenSqliteStore({line_.Path("leads.db")}).status(); }
};

TEST_F(ForkTest, AForkedProcessThatEndsLeavesTheLockToItsParent) {
  Child owner = Forked("end");
  ASSERT_GT(Left(owner), 0);
  const absl::Status second = Opened();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.message()), HasSubstr(std::to_string(owner.pid())));
  owner.Kill();
  EXPECT_TRUE(Opened().ok());
}

TEST_F(ForkTest, AProgramThatTheOwnerStartedDoesNotKeepTheLock) {
  Child owner = Forked("exec");
  // Until the program runs the owner's files are open in it.
  const pid_t left = Left(owner, 2);
  ASSERT_GT(left, 0);
  ASSERT_THAT(owner.lines(), Contains("idle"));
  EXPECT_EQ(Opened().code(), absl::StatusCode::kFailedPrecondition);
  owner.Kill();
  EXPECT_EQ(kill(left, 0), 0) << "it lives on";
  EXPECT_TRUE(Opened().ok());
  End(left);
}

// It has the owner's open files: as long as it could write, nobody else may.
TEST_F(ForkTest, ACopyOfTheOwnerThatOutlivesItKeepsTheLock) {
  Child owner = Forked("stay");
  const pid_t left = Left(owner);
  ASSERT_GT(left, 0);
  owner.Kill();
  EXPECT_EQ(Opened().code(), absl::StatusCode::kFailedPrecondition);
  End(left);
  EXPECT_TRUE(Opened().ok());
}

// The forked process does not hold up who reads the lines.
int RunForker(const Words& words) {
  const auto store = OpenSqliteStore({words.Text("db")});
  if (!store.ok()) return 1;
  const std::string how = words.Text("how");
  const pid_t left = fork();
  if (left == 0) {
    if (how != "exec") close(kLinesFd);
    char self[] = "idle", child[] = "--child", role[] = "role=idle";
    char* const arguments[] = {self, child, role, nullptr};
    if (how == "exec") execv("/proc/self/exe", arguments);
    while (how == "stay") pause();
    _exit(0);
  }
  if (how == "end") waitpid(left, nullptr, 0);
  Say("forked " + std::to_string(left));
  while (true) pause();
}

// The program that the forked process becomes.
int RunIdle() {
  Say("idle");
  close(kLinesFd);
  while (true) pause();
}

// ---- Many who want to write

// Opens, writes a few commands and closes, as often as it gets in.
int RunContender(const Words& words) {
  const std::string name = words.Text("cycle");
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  const Traffic traffic(words.Number("seed"), model, kPeople);
  uint64_t next = 0;
  for (uint64_t turn = 0; turn < words.Number("turns");) {
    if (words.Number("lockless") != 0) unlink((words.Text("db") + ".lock").c_str());
    const auto store = OpenSqliteStore({words.Text("db")});
    if (!store.ok()) {
      if (!absl::IsFailedPrecondition(store.status())) return 1;
      continue;
    }
    Say("in " + name);
    const Call call{FromMicros(kStart), name, "open", ""};
    const auto engine = Engine::Open({model, kWorkspace, false}, store->get(), call);
    if (!engine.ok()) return 2;
    for (int i = 0; i < 3; ++i) {
      Command command = traffic.At(words.Number("cycle"), next++, false);
      const std::string request_id = command.request_id;
      Say(AckLine(request_id, (*engine)->Apply(call, std::move(command))));
    }
    while (words.Number("stay") != 0) pause();
    Say("out " + name);
    ++turn;
  }
  return 0;
}

// Who was in while somebody else was.
std::vector<std::string> Overlaps(const std::vector<std::string>& lines) {
  std::vector<std::string> overlaps;
  std::string in;
  for (const std::string& line : lines) {
    const std::string name = line.substr(line.find(' ') + 1);
    if (line.starts_with("in ")) {
      if (!in.empty()) overlaps.push_back(name + " while " + in);
      in = name;
    } else if (line.starts_with("out ")) {
      if (in != name) overlaps.push_back(name + " went, who was not in alone");
      in.clear();
    }
  }
  return overlaps;
}

class ContendersTest : public ProcessTest {
 protected:
  ContendersTest() {
    lines_ = open(line_.Path("lines").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  }
  ~ContendersTest() override { close(lines_); }

  Words Contender(uint64_t number, Words words) const {
    words.Set("role", "contender");
    words.Set("db", line_.Path("leads.db"));
    words.Set("seed", Seed());
    words.Set("cycle", number);
    return words;
  }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    std::istringstream text(line_.Read("lines"));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  int lines_ = -1;
};

TEST_F(ContendersTest, AreNeverInTogether) {
  constexpr uint64_t kTurns = 25;
  std::vector<std::unique_ptr<Child>> children;
  for (uint64_t i = 0; i < 4; ++i) {
    Words words;
    words.Set("turns", kTurns);
    children.push_back(std::make_unique<Child>(Contender(i, words), lines_));
  }
  for (const auto& child : children) EXPECT_EQ(child->Wait(), 0);
  const std::vector<std::string> lines = Lines();
  EXPECT_THAT(Overlaps(lines), IsEmpty());
  EXPECT_EQ(lines.size(), children.size() * kTurns * 5);
  for (const std::string& line : lines) ledger_.Told(line);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(ContendersTest, CanaryWithTheLockOffTheSecondGetsIn) {
  Words stay;
  stay.Set("turns", 1);
  stay.Set("stay", 1);
  Child first(Contender(0, stay));
  ASSERT_TRUE(first.WaitForLines(4));
  Words lockless;
  lockless.Set("turns", 1);
  lockless.Set("lockless", 1);
  Child second(Contender(1, lockless));
  EXPECT_EQ(second.Wait(), 0);
  std::vector<std::string> lines = first.lines();
  lines.insert(lines.end(), second.lines().begin(), second.lines().end());
  EXPECT_THAT(Overlaps(lines), Contains("1 while 0"));
}

// ---- Readers leave the file alone

class ReadersTest : public ProcessTest {
 protected:
  // The database as a killed or a silent owner left it, with most of it in the log.
  void Fill(Child& owner) {
    ASSERT_TRUE(owner.WaitFor("stopped"));
    Hear(owner);
    ASSERT_FALSE(created_.empty());
    file_ = line_.Read("leads.db");
    log_ = line_.Read("leads.db-wal");
    ASSERT_FALSE(log_.empty());
  }
  // What of the database is not as it was.
  std::vector<std::string> Written() const {
    std::vector<std::string> written;
    if (line_.Read("leads.db") != file_) written.emplace_back("file");
    if (line_.Read("leads.db-wal") != log_) written.emplace_back("log");
    return written;
  }

  void ReadInEveryWay() {
    std::vector<std::vector<std::string>> all = Readers(created_[0]);
    all.push_back({"verify", "--db", "leads.db"});
    all.push_back({"backup", "--db", "leads.db", "copy.db"});
    all.push_back({"import", "rows.csv", "--dry-run", "--db", "leads.db"});
    for (const std::vector<std::string>& words : all) {
      const Ran ran = line_.Run(words);
      EXPECT_EQ(ran.code, 0) << words[0] << ": " << ran.err;
      EXPECT_THAT(Written(), IsEmpty()) << words[0];
    }
    EXPECT_THAT(Faults(), IsEmpty());
    EXPECT_THAT(Written(), IsEmpty()) << "read through the library";
  }

  // Another program, with nothing but SQLite.
  void RunSql(const char* sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(line_.Path("leads.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  static constexpr uint64_t kStop = 60;
  std::string file_, log_;
};

TEST_F(ReadersTest, WriteNothingBesideALiveOwner) {
  Child owner(Owner(kStop));
  ASSERT_NO_FATAL_FAILURE(Fill(owner));
  ReadInEveryWay();
}

TEST_F(ReadersTest, WriteNothingWhereAKilledOwnerLeftItsLog) {
  Child owner(Owner(kStop));
  ASSERT_NO_FATAL_FAILURE(Fill(owner));
  owner.Kill();
  ReadInEveryWay();
}

TEST_F(ReadersTest, CanaryAReaderThatMovesTheLogIntoTheFileIsSeen) {
  Child owner(Owner(kStop));
  ASSERT_NO_FATAL_FAILURE(Fill(owner));
  RunSql("SELECT count(*) FROM events");
  EXPECT_THAT(Written(), IsEmpty()) << "the owner keeps the log open";
  RunSql("PRAGMA wal_checkpoint");
  EXPECT_THAT(Written(), Contains("file"));
}

// Plain SQLite does it unasked when the last connection closes.
TEST_F(ReadersTest, CanaryAPlainReaderOfAKilledOwnersFileIsSeen) {
  Child owner(Owner(kStop));
  ASSERT_NO_FATAL_FAILURE(Fill(owner));
  owner.Kill();
  RunSql("SELECT count(*) FROM events");
  EXPECT_THAT(Written(), Contains("file"));
}

// ---- Children

// Stands still after so many commits, with all of them told.
class StoppingStore : public StoreDecorator {
 public:
  StoppingStore(Store* store, uint64_t commits) : StoreDecorator(store), left_(commits) {}

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    if (left_-- == 0) {
      Say("stopped");
      while (true) pause();
    }
    return store_.Commit(workspace, batches, results);
  }

 private:
  uint64_t left_;
};

int RunChild(const Words& words) {
  const std::string role = words.Text("role");
  if (role == "forker") return RunForker(words);
  if (role == "contender") return RunContender(words);
  if (role == "idle") return RunIdle();
  Worker::Wrap wrap;
  const uint64_t stop = words.Number("stop");
  if (stop != 0) {
    wrap = [stop](Store* store) { return std::make_unique<StoppingStore>(store, stop); };
  }
  return Worker(words, wrap).Run();
}

}  // namespace
}  // namespace leadcore::testing

int main(int argc, char** argv) {
  using leadcore::testing::Words;
  if (argc > 1 && argv[1] == leadcore::testing::kChildWord) {
    return leadcore::testing::RunChild(Words::FromArguments(argc, argv, 2));
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
