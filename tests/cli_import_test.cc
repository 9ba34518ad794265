// SPDX-License-Identifier: Apache-2.0
//
// `leadcore import` from the outside: outcomes, real files, repetition, mistakes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <string>

#include "cli_util.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Model(const char* name) {
  return SourcePath(std::string("examples/models/") + name).string();
}

void ExpectSum(const nlohmann::json& result) {
  ASSERT_TRUE(result.is_object());
  int64_t sum = 0;
  for (const char* name : {"created", "merged", "attached", "duplicate", "rejected", "skipped"}) {
    sum += Count(result, name);
  }
  EXPECT_EQ(sum, Count(result, "rows")) << result;
}

constexpr const char* kMixed =
    "Name,Email,Phone,Company\n"
    "Ada Lovelace,ada@example.com,,Engines Inc\n"
    "Grace Hopper,,(415) 555-2671,Compilers LLC\n"
    "A. Lovelace,ADA+news@EXAMPLE.com,,\n"
    "Nobody,,,Nowhere\n"
    "\n"
    ",x@example.org,,\n"
    "Too,many@example.org,,,cells,here\n";

TEST(Import, CountsOneOutcomeForEachRow) {
  const CommandLine cli;
  cli.Write("mixed.csv", kMixed);
  const Ran ran = cli.Run({"import", "--db", "a.db", "mixed.csv"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const nlohmann::json result = ran.Result();
  ExpectSum(result);
  EXPECT_EQ(Count(result, "rows"), 6);
  EXPECT_EQ(Count(result, "created"), 2);
  EXPECT_EQ(Count(result, "duplicate"), 1);
  EXPECT_EQ(Count(result, "rejected"), 3);
  EXPECT_EQ(result["file"], "mixed.csv");
}

TEST(Import, TheSameFileTwiceChangesNothing) {
  const CommandLine cli;
  cli.Write("mixed.csv", kMixed);
  ASSERT_EQ(cli.Run({"import", "--db", "a.db", "mixed.csv"}).code, 0);
  const std::string feed = cli.Run({"feed", "--db", "a.db"}).out;
  const Ran again = cli.Run({"import", "--db", "a.db", "mixed.csv"});
  EXPECT_EQ(again.code, 0);
  ExpectSum(again.Result());
  EXPECT_EQ(Count(again.Result(), "skipped"), 2);
  EXPECT_EQ(Count(again.Result(), "created"), 0);
  EXPECT_EQ(cli.Run({"feed", "--db", "a.db"}).out, feed);
}

TEST(Import, AMendedMappingIsANewImport) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Email,Wichtig\nAda,ada@example.com,Engines\nBob,bob@example.com,Acme\n");
  ASSERT_EQ(Count(cli.Run({"import", "--db", "a.db", "a.csv"}).Result(), "created"), 2);
  cli.Write("map.csv", "header,field\nWichtig,company\n");
  const Ran again = cli.Run({"import", "--db", "a.db", "--map", "map.csv", "a.csv"});
  EXPECT_EQ(Count(again.Result(), "duplicate"), 2) << again.out << again.err;
  EXPECT_EQ(Count(again.Result(), "skipped"), 0);
}

TEST(Import, ReadsStandardInput) {
  const CommandLine cli;
  const Ran ran = cli.Run({"import", "-", "--db", "a.db"}, kMixed);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Count(ran.Result(), "created"), 2);
}

TEST(Import, ADryRunAnswersTheSameAndChangesNothing) {
  const CommandLine cli;
  cli.Write("mixed.csv", kMixed);
  const Ran fresh = cli.Run({"import", "--dry-run", "--db", "a.db", "mixed.csv"});
  EXPECT_EQ(Count(fresh.Result(), "created"), 2) << fresh.err;
  EXPECT_FALSE(std::filesystem::exists(cli.Path("a.db")));
  cli.Write("first.csv", "Name,Email\nAda,ada@example.com\n");
  ASSERT_EQ(cli.Run({"import", "--db", "a.db", "first.csv"}).code, 0);
  const std::string before = cli.Run({"feed", "--db", "a.db"}).out;
  nlohmann::json dry = cli.Run({"import", "--dry-run", "--db", "a.db", "mixed.csv"}).Result();
  EXPECT_EQ(cli.Run({"feed", "--db", "a.db"}).out, before);
  nlohmann::json real = cli.Run({"import", "--db", "a.db", "mixed.csv"}).Result();
  for (nlohmann::json* result : {&dry, &real}) {
    result->erase("seconds");
    result->erase("dry_run");
  }
  EXPECT_EQ(dry, real);
  EXPECT_EQ(Count(real, "duplicate"), 2);
}

TEST(Import, SaysOfWhomARowIsTheDuplicate) {
  const CommandLine cli;
  cli.Write("a.csv", "External Id,Name,Email\n7,Ada,ada@example.com\n7,Bob,bob@example.com\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "a.csv"});
  EXPECT_EQ(Count(ran.Result(), "duplicate"), 1);
  const nlohmann::json lead = cli.Run({"list", "--db", "a.db"}).Result();
  EXPECT_THAT(ran.err, HasSubstr("1 duplicate: of such rows nothing is taken; the first, row 2, " +
                                 std::string("is lead ") + lead["id"].get<std::string>()));
}

TEST(Import, SaysWhatIsToBeLookedAt) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Phone\nAda,+1 415 555 2671\nEve,+1 415 555 2672\n");
  cli.Write("b.csv", "Name,Email,Phone\nAda,,+1 415 555 2671\nBob,bob@b.de,12\n");
  ASSERT_EQ(cli.Run({"import", "--db", "a.db", "a.csv"}).err, "");
  for (const std::string way : {"--dry-run", "--json"}) {
    const Ran ran = cli.Run({"import", "--db", "a.db", way, "b.csv"});
    EXPECT_EQ(Count(ran.Result(), "created"), 2);
    EXPECT_THAT(ran.err, HasSubstr("1 created may be duplicates: data_issues names"));
    EXPECT_THAT(ran.err, HasSubstr("1 have values that cannot be read: data_issues keeps"));
  }
}

TEST(Import, RejectsCanBeMendedAndImportedAgain) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Email\nAda,ada@example.com\nBob,bob at example\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "--rejects", "bad.csv", "a.csv"});
  EXPECT_EQ(Count(ran.Result(), "rejected"), 1);
  std::string rejects = cli.Read("bad.csv");
  EXPECT_THAT(rejects, HasSubstr("Name,Email,reject_reason\nBob,bob at example,"));
  EXPECT_THAT(rejects, HasSubstr("a lead needs email or phone"));
  EXPECT_THAT(rejects, HasSubstr("; email 'bob at example': ")) << "why it cannot be read";
  rejects.replace(rejects.find("bob at example"), 14, "bob@example.com");
  cli.Write("mended.csv", rejects);
  const Ran again = cli.Run({"import", "--db", "a.db", "mended.csv"});
  EXPECT_EQ(Count(again.Result(), "created"), 1) << again.out << again.err;
  EXPECT_THAT(again.Result()["unmapped"], IsEmpty());
}

TEST(Import, RejectsReplaceNothing) {
  const CommandLine cli;
  const std::string leads = "Name,Email\nAda,ada@example.com\nBob,bob at example\n";
  cli.Write("a.csv", leads);
  cli.Write("own.txt", "mine");
  EXPECT_EQ(cli.Run({"import", "--db", "a.db", "--rejects", "bad.csv", "a.csv"}).code, 0);
  const std::string database = cli.Read("a.db");
  const std::pair<std::string, std::string> refused[] = {
      {"a.db", "is the database's own"},         {"./a.db-wal", "is the database's own"},
      {"a.db-shm", "is the database's own"},     {"a.db.lock", "is the database's own"},
      {"a.csv", "is the file that is imported"}, {"own.txt", "is there already and holds no"}};
  for (const auto& [file, why] : refused) {
    for (const std::string way : {"--dry-run", "--json"}) {
      const Ran ran = cli.Run({"import", "--db", "a.db", way, "--rejects", file, "a.csv"});
      EXPECT_EQ(ran.code, 1) << file;
      EXPECT_THAT(ran.err, HasSubstr(file + " " + why));
    }
  }
  EXPECT_TRUE(cli.Read("a.db") == database);
  EXPECT_EQ(cli.Read("a.csv"), leads);
  EXPECT_EQ(cli.Read("own.txt"), "mine");
  EXPECT_EQ(cli.Run({"import", "--db", "a.db", "--rejects", "bad.csv", "a.csv"}).code, 0);
  EXPECT_EQ(cli.Run({"import", "--db", "a.db", "--rejects", "bad.csv", "bad.csv"}).code, 1);
  EXPECT_THAT(cli.Read("bad.csv"), HasSubstr("bob at example"));
}

TEST(Import, RejectsOfEarlierRunsAreKept) {
  const CommandLine cli;
  cli.Write("jan.csv", "Name,Email\nBob,bob at example\n");
  cli.Write("feb.csv", "Name,Email\nAda,ada@example.com\n");
  const auto import = [&](const char* file) {
    return cli.Run({"import", "--db", "a.db", "--rejects", "bad.csv", file});
  };
  EXPECT_EQ(import("jan.csv").code, 0);
  const std::string bad = cli.Read("bad.csv");
  EXPECT_EQ(import("jan.csv").code, 0);
  EXPECT_EQ(cli.Read("bad.csv"), bad);
  EXPECT_FALSE(std::filesystem::exists(cli.Path("bad.csv.1"))) << "the same again";
  const Ran other = import("feb.csv");
  EXPECT_THAT(other.err, HasSubstr("what bad.csv held before is in bad.csv.1"));
  EXPECT_EQ(cli.Read("bad.csv"), "");
  EXPECT_EQ(cli.Read("bad.csv.1"), bad);
  // Half mended, and then the same command again.
  cli.Write("bad.csv", "Name,Email,reject_reason\nBob,bob@example.com,\n");
  EXPECT_THAT(import("jan.csv").err, HasSubstr("is in bad.csv.2"));
  EXPECT_THAT(cli.Read("bad.csv.2"), HasSubstr("bob@example.com"));
  // A link stays one.
  std::filesystem::create_directory(cli.Path("share"));
  cli.Write("share/all.csv", bad);
  std::filesystem::remove(cli.Path("bad.csv"));
  std::filesystem::create_symlink("share/all.csv", cli.Path("bad.csv"));
  EXPECT_EQ(import("feb.csv").code, 0);
  EXPECT_EQ(cli.Read("share/all.csv.1"), bad);
  EXPECT_EQ(cli.Read("share/all.csv"), "");
}

TEST(Import, UsesTheModelsColumnsValuesAndFields) {
  const CommandLine cli;
  cli.Write("m.json", R"({"name": "m",
    "fields": [{"name": "seats", "type": "integer"}],
    "import": {"columns": {"Plätze": "seats", "Stand": "status", "Egal": ""},
               "values": [{"field": "status", "map": {"offen": "New", "gewonnen": "Converted"}}],
               "placeholders": ["-", "Select"]}})");
  cli.Write("a.csv",
            "Name,Email,Plätze,Stand,Egal,Company\n"
            "Ada,ada@example.com,12,GEWONNEN,x,Select\n"
            "Bob,bob@example.com,viele,offen,x,-\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "--model", "m.json", "a.csv"});
  EXPECT_EQ(Count(ran.Result(), "created"), 2) << ran.out << ran.err;
  EXPECT_EQ(ran.Result()["unmapped"], nlohmann::json::array({"Egal"}));
  const auto leads = cli.Run({"list", "--db", "a.db", "--sort", "email"}).Lines();
  ASSERT_EQ(leads.size(), 2u);
  EXPECT_EQ(leads[0]["seats"], 12);
  EXPECT_EQ(leads[0]["status"], "Converted");
  EXPECT_TRUE(leads[0]["company"].is_null());
  // What the field cannot take is kept beside it.
  EXPECT_TRUE(leads[1]["seats"].is_null());
  EXPECT_EQ(leads[1]["data_issues"][0]["field"], "seats");
  EXPECT_EQ(leads[1]["data_issues"][0]["original"], "viele");
}

TEST(Import, AnUnknownStatusRejectsTheRow) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Email,Status\nAda,ada@example.com,Wobbling\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "a.csv"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(Count(ran.Result(), "rejected"), 1);
  EXPECT_THAT(ran.err, HasSubstr("no state is named 'Wobbling'"));
}

TEST(Import, KeepsStatusAndTimesAndInventsNoHistory) {
  const CommandLine cli;
  cli.Write("a.csv",
            "full_name,email,status,create_time,convert_time\n"
            "Ada,ada@example.com,Converted,2024-05-06T07:08:09Z,2024-06-01T00:00:00Z\n");
  ASSERT_EQ(cli.Run({"import", "--db", "a.db", "a.csv"}).code, 0);
  const nlohmann::json lead = cli.Run({"list", "--db", "a.db"}).Result();
  EXPECT_EQ(lead["create_time"], "2024-05-06T07:08:09Z");
  EXPECT_EQ(lead["convert_time"], "2024-06-01T00:00:00Z");
  EXPECT_TRUE(lead["owner"].is_null());
  int about = 0;
  for (const nlohmann::json& event : cli.Run({"feed", "--db", "a.db"}).Lines()) {
    if (event["lead"].is_null()) continue;
    ++about;
    EXPECT_EQ(event["type"], "imported");
  }
  EXPECT_EQ(about, 1);
}

TEST(Import, AFileOfSomethingElseIsRefusedInOneSentence) {
  const CommandLine cli;
  cli.Write("deals.csv", "OpportunityID,Stage,EstimatedValue\n1,Won,12\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "deals.csv"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("no column holds"));
  EXPECT_FALSE(std::filesystem::exists(cli.Path("a.db"))) << "it left a database behind";
}

TEST(Import, AHeaderAloneIsNoRows) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Email\n\n\n");
  const Ran ran = cli.Run({"import", "--db", "a.db", "a.csv"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(Count(ran.Result(), "rows"), 0);
}

TEST(Import, HostileFilesCostNothingButTheirBadRows) {
  const CommandLine cli;
  const std::string good = "Bob,bob@example.com\n";
  const std::string wide(5000, ',');
  const std::map<std::string, std::pair<std::string, int>> files = {
      {"nul", {std::string("Name,Email\nA\0da,ada@example.com\n", 32) + good, 1}},
      {"quote", {"Name,Email\n\"Ada,ada@example.com\n" + good, 1}},
      {"huge", {"Name,Email\n" + std::string(3 << 20, 'x') + ",h@example.com\n" + good, 1}},
      {"cut", {"Name,Email\n" + good + "Ada,\"ada@exa", 1}},
  };
  for (const auto& [name, file] : files) {
    SCOPED_TRACE(name);
    cli.Write(name, file.first);
    const Ran ran = cli.Run({"import", "--db", name + ".db", name});
    EXPECT_EQ(ran.code, 0) << ran.err.substr(0, 400);
    ExpectSum(ran.Result());
    EXPECT_EQ(Count(ran.Result(), "created"), file.second) << ran.out;
  }
  for (const std::string& text : {std::string(), std::string("Name") + wide + "\n" + good,
                                  std::string("\x7f"
                                              "ELF\0\1\2\3\xff\xfe\0\0\x80",
                                              14),
                                  std::string("PK\3\4junk")}) {
    cli.Write("bad", text);
    const Ran ran = cli.Run({"import", "--db", "bad.db", "bad"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, Not(IsEmpty()));
    EXPECT_THAT(ran.out, IsEmpty());
  }
}

TEST(Import, InterruptedItLeavesWhatIsInAndGoesOn) {
  const CommandLine cli;
  const auto rows = static_cast<int64_t>(Scaled(60'000));
  std::string csv = "Name,Email\n";
  for (int64_t i = 0; i < rows; ++i) {
    csv += "Person " + std::to_string(i) + ",p" + std::to_string(i) + "@example.com\n";
  }
  cli.Write("a.csv", csv);
  const pid_t child = cli.Start({"import", "--db", "a.db", "a.csv"});
  // The first rows are in when the log has grown.
  const std::string log = cli.Path("a.db-wal");
  std::error_code none;
  while (!std::filesystem::exists(log) || std::filesystem::file_size(log, none) < 200'000) {
    ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it ended early: " << cli.Read("stderr");
  }
  ASSERT_EQ(kill(child, SIGINT), 0);
  const Ran ran = cli.Wait(child);
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("run the same command again"));
  const int64_t in = Count(ran.Result(), "created");
  EXPECT_GT(in, 0);
  EXPECT_LT(in, rows);
  const Ran rest = cli.Run({"import", "--db", "a.db", "a.csv"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(Count(rest.Result(), "skipped"), in);
  EXPECT_EQ(Count(rest.Result(), "created"), rows - in);
}

// ---- Real files

class RealFile : public ::testing::Test {
 protected:
  Ran Import(const char* db, const char* file, const char* model = nullptr) {
    std::vector<std::string> words = {"import", "--db", db, SharedPath(file)->string()};
    if (model != nullptr) words.insert(words.end(), {"--model", Model(model)});
    return cli_.Run(words);
  }
  CommandLine cli_;
};

TEST_F(RealFile, CrmSamplesNeedNoMap) {
  LEADCORE_SKIP_WITHOUT(SharedPath("data/crm_samples"), "data/crm_samples");
  EXPECT_EQ(Count(Import("c.db", "data/crm_samples/basudev_Contacts.csv").Result(), "created"),
            100);
  Ran ran = Import("b.db", "data/crm_samples/closeio-sample-lead-list-b2b.csv");
  EXPECT_EQ(Count(ran.Result(), "created"), 12);
  EXPECT_EQ(Count(ran.Result(), "rejected"), 14);
  EXPECT_THAT(ran.err, HasSubstr("14 rejected: required[1]: a lead needs email or phone"));
  ran = Import("b.db", "data/crm_samples/closeio-sample-lead-list-b2c.csv");
  EXPECT_EQ(Count(ran.Result(), "duplicate"), 12);
  EXPECT_EQ(Count(ran.Result(), "rejected"), 16);
  EXPECT_EQ(Count(Import("l.db", "data/crm_samples/basudev_Leads.csv").Result(), "rejected"), 200);
  ran = Import("m.db", "data/crm_samples/basudev_Leads.csv", "minimal.json");
  EXPECT_EQ(Count(ran.Result(), "created"), 200) << ran.err;
  ran = Import("o.db", "data/crm_samples/basudev_Opportunity.csv");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
}

// Leads and conversions by source, told from the file itself: columns 4 and 7, no cell of which
// has a comma before it.
std::map<std::string, std::pair<int, int>> CountSources(const std::string& csv) {
  std::map<std::string, std::pair<int, int>> sources;
  for (size_t line = csv.find('\n') + 1; line < csv.size();) {
    const size_t end = std::min(csv.find('\n', line), csv.size());
    std::vector<std::string> cells;
    for (size_t at = line; cells.size() < 7;) {
      const size_t comma = csv.find(',', at);
      cells.push_back(csv.substr(at, comma - at));
      at = comma + 1;
    }
    auto& [leads, converted] = sources[cells[3]];
    ++leads;
    converted += cells[6] == "1";
    line = end + 1;
  }
  return sources;
}

TEST_F(RealFile, XEducationComesInWholeAndCountsRight) {
  const char* kFile = "data/x_education/Leads.csv";
  LEADCORE_SKIP_WITHOUT(SharedPath(kFile), kFile);
  const Ran ran = Import("e.db", kFile, "education.json");
  EXPECT_EQ(Count(ran.Result(), "rows"), 9240) << ran.err;
  EXPECT_EQ(Count(ran.Result(), "created"), 9240);
  const nlohmann::json report = cli_.Run({"report", "--db", "e.db", "source"}).Result();
  std::map<std::string, std::pair<int, int>> told;
  int converted = 0;
  for (const nlohmann::json& row : report["rows"]) {
    const std::string source = row["source"].is_null() ? "" : row["source"].get<std::string>();
    told[source] = {row["leads"], row["converted"]};
    converted += row["converted"].get<int>();
  }
  EXPECT_EQ(converted, 3561);
  EXPECT_EQ(told, CountSources(ReadFile(*SharedPath(kFile))));
  EXPECT_EQ(told["Google"].first, 2868);
  EXPECT_EQ(told["google"].first, 5);
  EXPECT_EQ(told[""].first, 36);

  ASSERT_EQ(Import("a.db", kFile, "education_aliases.json").code, 0);
  const nlohmann::json aliased = cli_.Run({"report", "source", "--db", "a.db"}).Result();
  int google = 0;
  for (const nlohmann::json& row : aliased["rows"]) {
    if (row["source"] == "Google") google = row["leads"];
    EXPECT_NE(row["source"], "google");
  }
  EXPECT_EQ(google, 2873);
}

}  // namespace
}  // namespace leadcore::testing
