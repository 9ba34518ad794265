// SPDX-License-Identifier: Apache-2.0
//
// verify, replay, erase, backup, restore and --wait, from the outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>

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
  // Flips a byte of each page of a copy of a.db that holds this text; how many those were.
  size_t DamagePagesWith(const std::string& text) {
    constexpr size_t kPageSize = 4096;
    std::string whole = ReadFile(cli_.Path("a.db"));
    size_t damaged = 0;
    for (size_t at = 0; at < whole.size(); at += kPageSize) {
      if (whole.substr(at, kPageSize).find(text) == std::string::npos) continue;
      whole[at + 2000] ^= 0x5a;
      ++damaged;
    }
    cli_.Write("damaged.db", whole);
    return damaged;
  }
  Ran Salvage(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"export", "--db",  "damaged.db", "--format",
                                      "csv",    "--now", kLater,       "--skip-damaged"};
    words.insert(words.end(), more.begin(), more.end());
    return cli_.Run(words);
  }
  Ran Exported() {
    return cli_.Run({"export", "--db", "a.db", "--format", "csv", "--now", kLater});
  }

  static constexpr const char* kLater = "2099-01-01T00:00:00Z";

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

TEST_F(Keep, ReplayRefusesWhatIsNoCopy) {
  const Ran feed = cli_.Run({"feed", "--db", "a.db", "--json"});
  ASSERT_EQ(cli_.Run({"import", "--db", "b.db", cli_.Write("b.csv", "Email\nb@b.de\n")}).code, 0);
  const Ran refused = cli_.Run({"replay", "--db", "b.db"}, feed.out);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("the database has another event 1"));
  EXPECT_THAT(refused.err, Not(HasSubstr("are in")));
}

TEST_F(Keep, NothingMakesNoDatabase) {
  const Ran nothing = cli_.Run({"replay", "--db", "new.db", cli_.Write("none.jsonl", "")});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("none.jsonl is empty"));
  EXPECT_FALSE(std::filesystem::exists(cli_.Path("new.db")));
  EXPECT_EQ(cli_.Run({"replay", "--db", "a.db", cli_.Path("none.jsonl")}).code, 0) << "nothing new";
  const Ran tick = cli_.Run({"tick", "--db", cli_.Write("empty.db", "")});
  EXPECT_EQ(tick.code, 1);
  EXPECT_THAT(tick.err, HasSubstr("empty.db is empty; an import fills it"));
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
  std::filesystem::remove(cli_.Path("a.db.lock"));
  EXPECT_EQ(cli_.Run({"backup", "--db", "a.db", "./a.db.lock"}).code, 1) << "writers write there";
  EXPECT_FALSE(std::filesystem::exists(cli_.Path("a.db.lock")));
  std::filesystem::create_directory(cli_.Path("there"));
  std::filesystem::create_symlink(cli_.Path("a.db"), cli_.Path("there/link.db"));
  EXPECT_EQ(cli_.Run({"backup", "--db", "there/link.db", "a.db.lock"}).code, 1) << "by a link";
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

// What another program does to a file, under SQLite's own file system.
void ByAnotherProgram(const std::string& path, const char* sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

TEST_F(Keep, WhatAnotherProgramWroteIsTakenWhereTheFeedProvesIt) {
  const Ran whole = Exported();
  ByAnotherProgram(cli_.Path("a.db"), "VACUUM");
  EXPECT_EQ(cli_.Run({"verify", "--db", "a.db"}).code, 1);
  EXPECT_EQ(cli_.Run({"restore", "--db", "b.db", "a.db"}).code, 1);
  cli_.Write("b.db.unproved", "left by one that was killed");
  const Ran restored = cli_.Run({"restore", "--db", "b.db", "--unsealed", "a.db"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(cli_.Run({"verify", "--db", "b.db"}).code, 0);
  EXPECT_EQ(cli_.Run({"export", "--db", "b.db", "--format", "csv", "--now", kLater}).out,
            whole.out);
  ByAnotherProgram(cli_.Path("a.db"),
                   "UPDATE lead_records SET version = version + 1 WHERE rowid = 7");
  const Ran refused = cli_.Run({"restore", "--db", "c.db", "--unsealed", "a.db"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("has version 2, its events left 1"),
                                 HasSubstr("nothing was restored")));
  for (const auto& file : std::filesystem::directory_iterator(cli_.Path(""))) {
    EXPECT_NE(file.path().filename().string().substr(0, 1), "c") << file.path();
    EXPECT_THAT(file.path().string(), Not(HasSubstr("unproved")));
  }
}

TEST_F(Keep, WhatIsNotDamagedIsSaved) {
  const Ran whole = Exported();
  ASSERT_EQ(whole.code, 0);
  ASSERT_GT(DamagePagesWith("SQLite format 3"), 0u);
  EXPECT_EQ(cli_.Run({"export", "--db", "damaged.db", "--format", "csv"}).code, 1);
  const Ran saved = Salvage();
  EXPECT_EQ(saved.code, 0) << saved.err;
  EXPECT_EQ(saved.out, whole.out);
  EXPECT_THAT(saved.err,
              AllOf(HasSubstr("page 1 is damaged: sqlite_schema"),
                    HasSubstr("200 leads saved, 0 of them rebuilt from events; 0 lost")));
  // All that says something of one lead, and what else is on these pages.
  ASSERT_GT(DamagePagesWith("p77@example.com"), 1u);
  const Ran rest = Salvage();
  EXPECT_EQ(rest.code, 3) << rest.err;
  EXPECT_THAT(rest.out, Not(HasSubstr("p77@example.com")));
  EXPECT_THAT(rest.err, HasSubstr("lead " + IdOf("p77@example.com") + " is lost"));
  EXPECT_THAT(rest.err, HasSubstr("is damaged: lead_records, rows "));
}

TEST_F(Keep, ALostModelIsReplacedAndThatIsSaid) {
  const Ran whole = Exported();
  ASSERT_GE(DamagePagesWith("\"fallback_pool\""), 2u);
  const Ran saved = Salvage();
  EXPECT_EQ(saved.code, 3) << saved.err;
  EXPECT_EQ(saved.out, whole.out) << "it was the built-in one";
  EXPECT_THAT(saved.err, AllOf(HasSubstr("the database's model is lost"), HasSubstr("--model")));
  cli_.Write("other.json", R"({"fields": [{"name": "zest", "type": "text"}]})");
  const Ran other = Salvage({"--model", "other.json"});
  EXPECT_EQ(other.code, 3) << other.err;
  EXPECT_THAT(other.out.substr(0, other.out.find('\n')), HasSubstr("zest"));
  EXPECT_THAT(other.err, HasSubstr("that of --model stands in for it"));
}

TEST_F(Keep, SalvageIsRefusedWhereItWouldBeWrong) {
  DamagePagesWith("p77@example.com");
  EXPECT_EQ(cli_.Run({"export", "--db", "a.db", "--format", "csv", "--model", "x"}).code, 2);
  EXPECT_EQ(cli_.Run({"export", "--db", "no.db", "--format", "csv", "--skip-damaged"}).code, 1);
  EXPECT_EQ(cli_.Run({"export", "--db", "leads.csv", "--format", "csv", "--skip-damaged"}).code, 1);
  auto owner = OpenSqliteStore({.path = cli_.Path("damaged.db")});
  ASSERT_TRUE(owner.ok()) << owner.status();
  const Ran beside = Salvage();
  EXPECT_EQ(beside.code, 1);
  EXPECT_EQ(beside.out, "");
  EXPECT_THAT(beside.err, HasSubstr("is being written by process " + std::to_string(getpid())));
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
