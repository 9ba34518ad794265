// SPDX-License-Identifier: Apache-2.0
//
// Backups while another process writes all the time: each is whole, ends at a commit of the owner,
// and has all that was told before it began; it neither stops the owner nor leaves half a file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "child_process.h"
#include "cli_util.h"
#include "store_util.h"
#include "test_util.h"
#include "traffic.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BackupTest : public ::testing::Test {
 protected:
  Words Plan(uint64_t cycle = 0) const {
    Words words;
    words.Set("db", line_.Path("leads.db"));
    words.Set("seed", Seed());
    words.Set("cycle", cycle);
    words.Set("people", 60);
    words.Set("ticks", 1);
    return words;
  }

  // What a copy lacks of what was told so far, and what else is wrong with it.
  std::vector<std::string> Wrong(const std::string& name, const std::vector<std::string>& told) {
    const auto store = OpenSqliteStore({.path = line_.Path(name), .write = false});
    if (!store.ok()) return {std::string(store.status().message())};
    Ledger ledger;
    for (const std::string& line : told) ledger.Told(line);
    std::vector<std::string> faults = ledger.Check(**store);
    if (faults.empty()) faults = ledger.CheckWhole(**store);
    return faults;
  }

  struct End {
    int64_t position = 0;
    std::string chain;
  };
  End EndOf(const std::string& name, int64_t position = 0) {
    End end;
    const auto store = OpenSqliteStore({.path = line_.Path(name), .write = false});
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return end;
    FeedRequest request;
    request.headers_only = true;
    for (bool more = true; more;) {
      more = false;
      const absl::Status status = (*store)->Feed(kWorkspace, request, [&](const Event& event) {
        request.after = event.position;
        if (position != 0 && event.position > position) return false;
        more = true;
        end = {event.position, event.chain};
        return true;
      });
      EXPECT_TRUE(status.ok()) << status;
    }
    return end;
  }

  bool Exists(const std::string& name) const { return std::filesystem::exists(line_.Path(name)); }
  // Files that a backup of this name left beside it.
  std::vector<std::string> Beside(const std::string& name) const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(line_.Path("."))) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with(name) && file != name) files.push_back(file);
    }
    return files;
  }

  // Waits until the backup has begun to write; false when it ended before.
  bool HasBegun(pid_t backup, const std::string& name) const {
    while (!Exists(name + ".part")) {
      siginfo_t ended = {};
      waitid(P_PID, static_cast<id_t>(backup), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (ended.si_pid == backup) return false;
      sched_yield();
    }
    return true;
  }

  static size_t Rounds(size_t few, size_t many) {
    return std::getenv("LEADCORE_LONG") != nullptr ? many : Scaled(few);
  }

  const CommandLine line_;
};

TEST_F(BackupTest, EveryBackupUnderLoadIsAWholePrefixWithAllThatWasTold) {
  Child owner(Plan());
  ASSERT_TRUE(owner.WaitForLines(300));
  std::vector<End> ends;
  const size_t rounds = Rounds(20, 300);
  for (size_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    const std::string name = "backup" + std::to_string(round) + ".db";
    ASSERT_TRUE(owner.WaitForLines(owner.lines().size() + 20));
    const std::vector<std::string> told = owner.lines();
    const Ran ran = line_.Run({"backup", "--db", "leads.db", name});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(Beside(name), IsEmpty());
    ASSERT_THAT(Wrong(name, told), IsEmpty());
    ends.push_back(EndOf(name));
    if (round % 5 != 0) continue;
    EXPECT_EQ(line_.Run({"verify", "--db", name}).code, 0);
    const Ran restored = line_.Run({"restore", "--db", "restored" + name, name});
    EXPECT_EQ(restored.code, 0) << restored.err;
    EXPECT_THAT(Wrong("restored" + name, told), IsEmpty());
    EXPECT_EQ(EndOf("restored" + name).chain, ends.back().chain);
  }
  owner.Kill();
  for (const End& end : ends) {
    EXPECT_EQ(EndOf("leads.db", end.position).chain, end.chain) << "a prefix of the owner's feed";
  }
  EXPECT_THAT(Wrong("leads.db", owner.lines()), IsEmpty());
  std::cout << rounds << " backups of up to " << ends.back().position << " events, 0 bad\n";
}

// A restored database is one to go on with.
TEST_F(BackupTest, WorkGoesOnOnWhatWasRestored) {
  Child owner(Plan());
  ASSERT_TRUE(owner.WaitForLines(200));
  ASSERT_EQ(line_.Run({"backup", "--db", "leads.db", "safe.db"}).code, 0);
  owner.Kill();
  std::filesystem::remove(line_.Path("leads.db"));
  // The log of the database that is gone would be taken for that of the restored one.
  const Ran refused = line_.Run({"restore", "--db", "leads.db", "safe.db"});
  EXPECT_EQ(refused.code, 1) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr("leads.db-wal is there"));
  EXPECT_FALSE(Exists("leads.db"));
  std::filesystem::remove(line_.Path("leads.db-wal"));
  ASSERT_EQ(line_.Run({"restore", "--db", "leads.db", "safe.db"}).code, 0);
  EXPECT_EQ(EndOf("leads.db").chain, EndOf("safe.db").chain);
  const End before = EndOf("leads.db");
  Child next(Plan(1));
  ASSERT_TRUE(next.WaitForLines(200));
  next.Kill();
  EXPECT_THAT(Wrong("leads.db", next.lines()), IsEmpty());
  EXPECT_EQ(EndOf("leads.db", before.position).chain, before.chain);
}

// It stands still in the middle, and the owner goes on as if it were not there.
TEST_F(BackupTest, ABackupDoesNotStopTheOwner) {
  Words words = Plan();
  words.Set("heavy", 1);
  Child owner(words);
  ASSERT_TRUE(owner.WaitForLines(400));
  size_t caught = 0;
  for (size_t round = 0; round < 50 && caught < Rounds(4, 30); ++round) {
    const std::string name = "backup" + std::to_string(round) + ".db";
    const std::vector<std::string> told = owner.lines();
    const pid_t backup = line_.Start({"backup", "--db", "leads.db", name});
    if (HasBegun(backup, name) && kill(backup, SIGSTOP) == 0 && !Exists(name)) {
      ++caught;
      ASSERT_TRUE(owner.WaitForLines(owner.lines().size() + 300));
      kill(backup, SIGCONT);
    }
    const Ran ran = line_.Wait(backup);
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(Wrong(name, told), IsEmpty());
    std::filesystem::remove(line_.Path(name));
  }
  std::cout << caught << " backups stood still in the middle\n";
  EXPECT_GT(caught, 0u);
}

TEST_F(BackupTest, WhoTakesTheNameMeanwhileKeepsIt) {
  Words words = Plan();
  words.Set("heavy", 1);
  Child owner(words);
  ASSERT_TRUE(owner.WaitForLines(400));
  bool caught = false;
  for (size_t round = 0; round < 50 && !caught; ++round) {
    const pid_t backup = line_.Start({"backup", "--db", "leads.db", "safe.db"});
    caught = HasBegun(backup, "safe.db") && kill(backup, SIGSTOP) == 0 && !Exists("safe.db");
    if (caught) line_.Write("safe.db", "somebody's own");
    kill(backup, SIGCONT);
    const Ran ran = line_.Wait(backup);
    EXPECT_EQ(ran.code == 0, !caught) << ran.err;
    if (caught) {
      EXPECT_THAT(ran.err, ::testing::HasSubstr("name a new file"));
      EXPECT_EQ(line_.Read("safe.db"), "somebody's own");
    }
    std::filesystem::remove(line_.Path("safe.db"));
  }
  EXPECT_TRUE(caught);
}

// Two at once would write into one file.
TEST_F(BackupTest, OneNameIsWrittenByOneBackupAtATime) {
  ASSERT_EQ(line_.Run({"import", "--db", "leads.db", line_.Write("a.csv", "name\nAda\n")}).code, 0);
  const std::string part = line_.Write("backup.db.part", "of the other one");
  const std::string lock = part + ".lock";
  const int file = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(flock(file, LOCK_EX), 0);
  const Ran refused = line_.Run({"backup", "--db", "leads.db", "backup.db"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("is being written by another process"));
  EXPECT_TRUE(Exists("backup.db.part")) << "it is the other one's";
  EXPECT_FALSE(Exists("backup.db"));
  close(file);
  // The other one died just when its file had become whole, and that has another name by now.
  std::filesystem::create_hard_link(part, line_.Path("monday.db"));
  EXPECT_EQ(line_.Run({"backup", "--db", "leads.db", "backup.db"}).code, 0);
  EXPECT_EQ(std::filesystem::file_size(line_.Path("monday.db")), 16u) << "left alone";
  EXPECT_THAT(Beside("backup.db"), IsEmpty());
  EXPECT_EQ(line_.Run({"verify", "--db", "backup.db"}).code, 0);
}

TEST_F(BackupTest, AKilledBackupLeavesNoHalfFileUnderItsName) {
  std::mt19937_64 random(Seed());
  Child owner(Plan());
  ASSERT_TRUE(owner.WaitForLines(300));
  size_t killed = 0;
  for (size_t round = 0; round < Rounds(40, 1000); ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(owner.TakeLines());
    const std::vector<std::string> told = owner.lines();
    const pid_t backup = line_.Start({"backup", "--db", "leads.db", "safe.db"});
    if (HasBegun(backup, "safe.db")) Dawdle(random() % (1 << random() % 24));
    kill(backup, SIGKILL);
    const Ran ran = line_.Wait(backup);
    if (!Exists("safe.db")) {
      EXPECT_NE(ran.code, 0);
      ++killed;
      continue;
    }
    EXPECT_THAT(Wrong("safe.db", told), IsEmpty());
    for (const std::string& file : Beside("safe.db")) std::filesystem::remove(line_.Path(file));
    std::filesystem::remove(line_.Path("safe.db"));
  }
  // What the killed ones left is not in the way.
  ASSERT_TRUE(owner.TakeLines());
  const std::vector<std::string> told = owner.lines();
  const Ran ran = line_.Run({"backup", "--db", "leads.db", "safe.db"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(Beside("safe.db"), IsEmpty());
  EXPECT_THAT(Wrong("safe.db", told), IsEmpty());
  EXPECT_GT(killed, 0u);
  std::cout << killed << " backups killed before they had their name\n";
}

TEST_F(BackupTest, CanaryAPlainCopyOfTheFileIsFoundWrong) {
  Words words = Plan();
  words.Set("session", 200);
  words.Set("sessions", 1);
  Child first(words);
  ASSERT_EQ(first.Wait(), 0);
  Child owner(Plan(1));
  ASSERT_TRUE(owner.WaitForLines(300));
  const std::vector<std::string> told = owner.lines();
  std::filesystem::copy_file(line_.Path("leads.db"), line_.Path("copy.db"));
  EXPECT_THAT(Wrong("copy.db", told), Contains(HasSubstr("lost: c1-")));
}

}  // namespace
}  // namespace leadcore::testing

int main(int argc, char** argv) {
  using leadcore::testing::Words;
  if (argc > 1 && argv[1] == leadcore::testing::kChildWord) {
    return leadcore::testing::Worker(Words::FromArguments(argc, argv, 2)).Run();
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
