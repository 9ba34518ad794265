// SPDX-License-Identifier: Apache-2.0
//
// verify, replay, erase, backup, restore and --wait, from the outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cli_util.h"
#include "leadcore/sqlite_store.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Keep : public ::testing::Test {
 protected:
  Keep() {
    std::string csv = "Lead ID,Name,Email,Phone,Company,Country,Employees\n";
    for (int i = 0; i < 200; ++i) {
      const std::string number = std::to_string(i);
      csv += "A" + number + ",Person No" + number + ",p" + number + "@example.com,,Company " +
             number + ",US," + std::to_string(i * 10) + "\n";
    }
    cli_.Write("leads.csv", csv);
    const Ran ran = cli_.Run({"import", "--db", "a.db", "leads.csv"});
    EXPECT_EQ(Count(ran.Result(), "created"), 200) << ran.out << ran.err;
    EXPECT_EQ(cli_.Run({"log", "--db", "a.db", "--email", "p7@example.com", "--kind", "call",
                        "--outcome", "left a Zebrawood message"})
                  .code,
              0);
  }

  std::string IdOf(const char* email) {
    return cli_.Run({"list", "--db", "a.db", "--search", email}).Result().value("id", "");
  }
  // The files of the folder that hold a text.
  std::vector<std::string> FilesWith(const std::string& text) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(cli_.Path("."))) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("a.db") && ReadFile(entry.path()).find(text) != std::string::npos) {
        files.push_back(name);
      }
    }
    return files;
  }

  CommandLine cli_;
};

TEST_F(Keep, VerifyFindsNoFaultAndNamesDamage) {
  const Ran whole = cli_.Run({"verify", "--db", "a.db"});
  EXPECT_EQ(whole.code, 0) << whole.out << whole.err;
  EXPECT_EQ(whole.out, "a.db: 200 leads, 202 events, no fault\n");
  EXPECT_EQ(Count(cli_.Run({"verify", "--db", "a.db", "--json"}).Result(), "faults"), 0);
  {
    std::fstream file(cli_.Path("a.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8 * 4096 + 1000);
    file.put('\x5a');
  }
  const Ran damaged = cli_.Run({"verify", "--db", "a.db"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.out, HasSubstr("page 9: its checksum is wrong"));
  EXPECT_THAT(damaged.out, HasSubstr("cannot be read whole"));
  EXPECT_EQ(cli_.Run({"verify", "--db", "none.db"}).code, 1);
}

TEST_F(Keep, ReplayMakesTheSameDatabase) {
  const Ran feed = cli_.Run({"feed", "--db", "a.db", "--json"});
  ASSERT_EQ(feed.code, 0);
  const Ran replayed = cli_.Run({"replay", "--db", "b.db"}, feed.out);
  EXPECT_EQ(replayed.code, 0) << replayed.err;
  EXPECT_EQ(Count(replayed.Result(), "events"), 202);
  EXPECT_EQ(cli_.Run({"verify", "--db", "b.db"}).code, 0);
  for (const char* format : {"csv", "jsonl"}) {
    EXPECT_EQ(cli_.Run({"export", "--db", "a.db", "--format", format}).out,
              cli_.Run({"export", "--db", "b.db", "--format", format}).out);
  }
  EXPECT_EQ(cli_.Run({"feed", "--db", "b.db", "--json"}).out, feed.out);
  // What is in already is passed over; a line that was changed is not taken.
  EXPECT_EQ(Count(cli_.Run({"replay", "--db", "b.db"}, feed.out).Result(), "events"), 0);
  std::string changed = feed.out;
  const size_t name = changed.find("\"actor\":\"", changed.find("\"sequence\":100,")) + 9;
  changed[name] = changed[name] == 'x' ? 'y' : 'x';
  const Ran refused = cli_.Run({"replay", "--db", "c.db"}, changed);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("line 100: event 100: the header is not the one"));
  EXPECT_EQ(Count(cli_.Run({"replay", "--db", "c.db"}, feed.out).Result(), "events"), 103);
  EXPECT_EQ(cli_.Run({"replay", "--db", "d.db"}, "{\"sequence\": 1}\n").code, 1);
}

TEST_F(Keep, WhoIsErasedIsInNoFileOfTheDatabase) {
  const std::string id = IdOf("p7@example.com");
  ASSERT_THAT(FilesWith("Zebrawood"), Not(IsEmpty()));
  ASSERT_THAT(FilesWith("p7@example.com"), Not(IsEmpty()));
  const Ran erased = cli_.Run({"erase", "--db", "a.db", id});
  EXPECT_EQ(erased.code, 0) << erased.err;
  EXPECT_EQ(erased.Result().value("outcome", ""), "erased");
  for (const char* planted : {"Zebrawood", "p7@example.com", "Person No7\"", "Company 7,"}) {
    EXPECT_THAT(FilesWith(planted), IsEmpty()) << planted;
  }
  EXPECT_EQ(cli_.Run({"show", "--db", "a.db", id}).code, 1);
  EXPECT_EQ(cli_.Run({"verify", "--db", "a.db"}).code, 0);
  EXPECT_EQ(Count(cli_.Run({"erase", "--db", "a.db", "nobody"}).Result(), "x"), -1);
  EXPECT_EQ(cli_.Run({"erase", "--db", "a.db", "nobody"}).code, 1);
  // Replay reaches the same state, and another import does not bring the person back.
  const Ran feed = cli_.Run({"feed", "--db", "a.db", "--json"});
  EXPECT_EQ(cli_.Run({"replay", "--db", "b.db"}, feed.out).code, 0);
  EXPECT_EQ(cli_.Run({"verify", "--db", "b.db"}).code, 0);
  EXPECT_EQ(cli_.Run({"export", "--db", "a.db", "--format", "csv"}).out,
            cli_.Run({"export", "--db", "b.db", "--format", "csv"}).out);
  cli_.Write("again.csv", "Name,Email\nPerson No7,p7@example.com\n");
  for (const char* db : {"a.db", "b.db"}) {
    const Ran again = cli_.Run({"import", "--db", db, "again.csv"});
    EXPECT_EQ(Count(again.Result(), "rejected"), 1) << again.out;
    EXPECT_THAT(again.err, HasSubstr("was erased"));
  }
}

TEST_F(Keep, ABackupIsMadeAndRestored) {
  const Ran backup = cli_.Run({"backup", "--db", "a.db", "safe.db"});
  EXPECT_EQ(backup.code, 0) << backup.err;
  EXPECT_EQ(cli_.Run({"backup", "--db", "a.db", "safe.db"}).code, 1) << "it is there already";
  EXPECT_EQ(cli_.Run({"restore", "--db", "b.db", "safe.db"}).code, 0);
  EXPECT_EQ(cli_.Run({"verify", "--db", "b.db"}).code, 0);
  EXPECT_EQ(cli_.Run({"feed", "--db", "a.db", "--json"}).out,
            cli_.Run({"feed", "--db", "b.db", "--json"}).out);
  EXPECT_EQ(cli_.Run({"restore", "--db", "b.db", "safe.db"}).code, 1) << "it is there already";
  {
    std::fstream file(cli_.Path("safe.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20 * 4096 + 77);
    file.put('\x5a');
  }
  const Ran damaged = cli_.Run({"restore", "--db", "c.db", "safe.db"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.err, HasSubstr("page 21"));
  EXPECT_FALSE(std::filesystem::exists(cli_.Path("c.db")));
}

TEST_F(Keep, ASecondWriterIsToldOrWaits) {
  auto owner = OpenSqliteStore({.path = cli_.Path("a.db")});
  ASSERT_TRUE(owner.ok());
  const std::string pid = std::to_string(getpid());
  const Ran told = cli_.Run({"tick", "--db", "a.db"});
  EXPECT_EQ(told.code, 1);
  EXPECT_THAT(told.err, AllOf(HasSubstr("process " + pid), HasSubstr("one process do all writing"),
                              HasSubstr("PostgreSQL")));
  EXPECT_EQ(cli_.Run({"tick", "--db", "a.db", "--wait", "50ms"}).code, 1);
  EXPECT_EQ(cli_.Run({"tick", "--db", "a.db", "--wait", "soon"}).code, 2);
  for (const char* reading : {"list", "feed", "verify"}) {
    EXPECT_EQ(cli_.Run({reading, "--db", "a.db"}).code, 0) << reading;
  }
  const pid_t waiting = cli_.Start({"tick", "--db", "a.db", "--wait", "10m"});
  owner->reset();
  EXPECT_EQ(cli_.Wait(waiting).code, 0);
}

}  // namespace
}  // namespace leadcore::testing
