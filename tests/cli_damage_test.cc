// SPDX-License-Identifier: Apache-2.0
//
// Every command that reads, on a file with one flipped byte, page by page: it says all that it said
// before, or that the file is damaged; never something else, never less with a good face.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "cli_util.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;

constexpr size_t kPageSize = 4096;

class Damage : public ::testing::Test {
 protected:
  Damage() {
    std::string csv = "Lead ID,Name,Email,Company,Country,Description\n";
    for (int i = 0; i < 120; ++i) {
      const std::string number = std::to_string(i);
      csv += "A" + number + ",Person No" + number + ",p" + number + "@example.com,Company " +
             number + ",US," + std::string(i % 40 == 7 ? 9000 : 20, 'd') + "\n";
    }
    cli_.Write("leads.csv", csv);
    const Ran ran = cli_.Run({"import", "--db", "whole.db", "--now", kNow, "leads.csv"});
    EXPECT_EQ(Count(ran.Result(), "created"), 120) << ran.err;
    std::string log;
    for (int i = 0; i < 30; ++i) {
      log += R"({"email": "p)" + std::to_string(i) + R"(@example.com", "kind": "call"})" + "\n";
    }
    EXPECT_EQ(cli_.Run({"log", "--db", "whole.db", "--now", kNow}, log).code, 0);
    whole_ = cli_.Read("whole.db");
    EXPECT_FALSE(std::filesystem::exists(cli_.Path("whole.db-wal")));
    lead_ = cli_.Run({"list", "--db", "whole.db", "--search", "p7@example.com"})
                .Result()
                .value("id", "");
  }

  static constexpr const char* kNow = "2026-06-01T09:00:00Z";

  std::vector<std::vector<std::string>> Commands() const {
    return {{"list"},
            {"list", "--sort", "score", "--descending"},
            {"list", "--filter", "lead.country == 'US'"},
            {"list", "--search", "Person"},
            {"show", lead_},
            {"show", lead_, "--json"},
            {"report", "source"},
            {"report", "rep"},
            {"feed"},
            {"feed", "--json"},
            {"export", "--format", "csv"},
            {"export", "--format", "jsonl"}};
  }
  Ran On(const char* db, std::vector<std::string> words) const {
    words.insert(words.end(), {"--db", db, "--now", kNow});
    return cli_.Run(std::move(words));
  }
  void Flip(size_t page) const {
    std::string copy = whole_;
    copy[(page - 1) * kPageSize + 777] ^= 0x10;
    cli_.Write("damaged.db", copy);
    for (const char* beside : {"damaged.db-wal", "damaged.db-shm", "copy.db"}) {
      std::filesystem::remove(cli_.Path(beside));
    }
  }
  // Every page, or some of them.
  std::vector<size_t> Pages() const {
    const size_t count = whole_.size() / kPageSize;
    const bool all = std::getenv("LEADCORE_LONG") != nullptr;
    const size_t step = all ? 1 : Scaled(10) == 10 ? 9 : 90;
    std::vector<size_t> pages;
    for (size_t page = 1; page <= count; page += step) pages.push_back(page);
    return pages;
  }

  CommandLine cli_;
  std::string whole_, lead_;
};

TEST_F(Damage, EveryReadingCommandSaysAllOrThatTheFileIsDamaged) {
  std::vector<Ran> expected;
  for (const auto& words : Commands()) {
    expected.push_back(On("whole.db", words));
    ASSERT_EQ(expected.back().code, 0) << words[0] << expected.back().err;
  }
  std::map<std::string, size_t> refused, same;
  for (const size_t page : Pages()) {
    Flip(page);
    for (size_t i = 0; i < expected.size(); ++i) {
      const std::vector<std::string> words = Commands()[i];
      SCOPED_TRACE(words[0] + " with page " + std::to_string(page));
      const Ran ran = On("damaged.db", words);
      if (ran.code == 0) {
        EXPECT_EQ(ran.out, expected[i].out);
        ++same[words[0]];
        continue;
      }
      EXPECT_EQ(ran.code, 1);
      EXPECT_THAT(ran.err, HasSubstr("the database is damaged"));
      EXPECT_TRUE(expected[i].out.starts_with(ran.out)) << "what was told before is true";
      ++refused[words[0]];
    }
  }
  for (const char* word : {"list", "show", "report", "feed", "export"}) {
    std::cout << word << ": " << refused[word] << " refused, " << same[word] << " the same\n";
    EXPECT_GT(refused[word], 0u) << word;
  }
}

TEST_F(Damage, VerifyNamesThePageAndABackupIsRefused) {
  for (const size_t page : Pages()) {
    SCOPED_TRACE(page);
    Flip(page);
    const Ran verify = On("damaged.db", {"verify"});
    EXPECT_EQ(verify.code, 1);
    EXPECT_THAT(verify.out, HasSubstr("page " + std::to_string(page) + ": its checksum is wrong"));
    const Ran backup = On("damaged.db", {"backup", "copy.db"});
    EXPECT_EQ(backup.code, 1) << "a copy of damage would say that it is whole";
    EXPECT_THAT(backup.err, HasSubstr("the database is damaged"));
    EXPECT_FALSE(std::filesystem::exists(cli_.Path("copy.db")));
    EXPECT_FALSE(std::filesystem::exists(cli_.Path("copy.db.part")));
  }
}

}  // namespace
}  // namespace leadcore::testing
