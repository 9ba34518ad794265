// SPDX-License-Identifier: Apache-2.0
//
// The leadcore command from the outside, except import: models, activities, reading, usage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <set>
#include <string>

#include "cli_util.h"
#include "leadcore/schema.h"
#include "leadcore/sqlite_store.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kNow = "2026-06-01T09:00:00Z";

// Four leads of the default model, imported at kNow.
class Command : public ::testing::Test {
 protected:
  Command() {
    cli_.Write(
        "leads.csv",
        "Lead ID,Name,Email,Phone,Company,Job Title,Country,Employees,Lead Source\n"
        "A1,Ada Lovelace,ada@example.com,,Engines Inc,CTO,UK,1500,LinkedIn\n"
        "A2,Grace Hopper,grace@example.org,(415) 555-2671,Compilers LLC,Director,USA,80,Web\n"
        "A3,Zoë Müller,zoe@example.net,,Bäckerei Müller GmbH,,DE,,\n"
        "A4,\"=cmd|' /C calc'!A0\",eve@example.com,,\"Quotes, \"\"Inc\"\"\",,US,,Referral\n");
    const Ran ran = cli_.Run({"import", "--db", "a.db", "--now", kNow, "leads.csv"});
    EXPECT_EQ(Count(ran.Result(), "created"), 4) << ran.out << ran.err;
  }

  std::string IdOf(const char* email) {
    const Ran ran = cli_.Run({"list", "--db", "a.db", "--search", email});
    return ran.Result().value("id", "");
  }

  CommandLine cli_;
};

// ---- Models

TEST(CommandModels, CheckTellsEveryFaultAtOnceWithItsPlace) {
  const CommandLine cli;
  cli.Write("m.json", R"({
  "curency": "USD",
  "scoring": {"groups": [{"name": "g", "rules": [
    {"name": "r", "when": "lead.emplyees >= 1", "points": 1}]}],
    "bands": [{"name": "cold", "from": 0}]}
})");
  const Ran ran = cli.Run({"check", "m.json"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("m.json:2:"));
  EXPECT_THAT(ran.err, HasSubstr("did you mean 'currency'?"));
  EXPECT_THAT(ran.err,
              HasSubstr("m.json:4:33: scoring.groups[0].rules[0].when: 1:6: unknown field"));
}

TEST(CommandModels, CheckRunsTheModelsOwnTests) {
  const CommandLine cli;
  cli.Write("m.json", R"({"tests": [
    {"name": "wrong", "lead": {"full_name": "A B", "email": "a@example.com"},
     "expect": {"band": "hot"}}]})");
  const Ran ran = cli.Run({"check", "m.json"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("m.json:3:"));
  EXPECT_THAT(ran.err, HasSubstr("expected 'hot', got 'cold'"));
  EXPECT_EQ(cli.Run({"check", SourcePath("examples/models/b2b.json").string()}).code, 0);
  EXPECT_EQ(cli.Run({"check", "none.json"}).code, 2);
}

TEST(CommandModels, ItsTestsReadCellsAsItsImportDoes) {
  const CommandLine cli;
  cli.Write("m.json", R"({"fields": [{"name": "roof", "type": "real"}],
    "import": {"decimal_comma": true},
    "scoring": {"groups": [{"name": "g", "rules": [
      {"name": "large", "when": "lead.roof > 80.0", "points": 3}]}],
      "bands": [{"name": "all", "from": 0}]},
    "tests": [{"name": "t", "lead": {"full_name": "A", "email": "a@example.com", "roof": "80,5"},
               "expect": {"score": 3}}]})");
  const Ran ran = cli.Run({"check", "m.json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST(CommandModels, TablesBesideTheModelArePutIn) {
  const CommandLine cli;
  cli.Write("titles.csv", "title,points\nCEO,12\n");
  cli.Write("areas.csv", "name,country,region,postal_from,postal_to\nHome,US,CA,,\nHome,US,OR,,\n");
  cli.Write("m.json", R"({
    "scoring": {"groups": [{"name": "g", "rules": [
      {"name": "title", "field": "job_title", "table": "@titles.csv"}]}],
      "bands": [{"name": "cold", "from": 0}]},
    "routing": {"territories": "@areas.csv"},
    "tests": [{"name": "t", "lead": {"full_name": "A B", "email": "a@example.com",
      "job_title": "ceo", "country": "US", "region": "Oregon"},
      "expect": {"score": 12, "territory": "Home"}}]})");
  const Ran good = cli.Run({"check", "m.json"});
  EXPECT_EQ(good.code, 0) << good.err;
  cli.Write("titles.csv", "title,points\nCEO,many\n");
  const Ran bad = cli.Run({"check", "m.json"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("m.json:3:"));
  EXPECT_THAT(bad.err, HasSubstr("titles.csv"));
}

TEST(CommandModels, TemplateIsAHeaderThatImportTakes) {
  const CommandLine cli;
  const Ran ran = cli.Run({"template"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("full_name"));
  EXPECT_THAT(ran.out, Not(HasSubstr("score_valid_until")));
  const Ran import = cli.Run({"import", "--db", "a.db", "-"}, ran.out);
  EXPECT_EQ(import.code, 0) << import.err;
  EXPECT_THAT(import.Result()["unmapped"], IsEmpty());
}

TEST(CommandModels, ScoreNeedsNoDatabase) {
  const CommandLine cli;
  cli.Write("a.csv", "Name,Email,Job Title\nAda,ada@example.com,CTO\nBob,bob@example.com,\n");
  const Ran ran = cli.Run({"score", "a.csv", "--now", kNow});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(
      ran.out,
      "row,score,band,demographic,behavioral,firmographic\n1,18,cold,18,0,0\n2,0,cold,0,0,0\n");
  const auto lines = cli.Run({"score", "--json", "a.csv"}).Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["score"], 18);
  EXPECT_EQ(lines[0]["ledger"][0]["rule"], "executive");
}

// ---- Activities and time

TEST_F(Command, LogsOneActivityAndScoresIt) {
  const Ran ran = cli_.Run({"log", "--db", "a.db", "--external-id", "A1", "--kind", "form_submit",
                            "--attribute", "form=demo", "--now", kNow});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Count(ran.Result(), "score"), 18 + 6 + 4 + 5 + 10);
  EXPECT_EQ(cli_.Run({"log", "--db", "a.db", "--external-id", "A1", "--kind", "fax"}).code, 1);
  EXPECT_EQ(cli_.Run({"log", "--db", "a.db", "--external-id", "A9", "--kind", "call"}).code, 1);
}

TEST_F(Command, ToldAgainWithTheSameRequestIdItIsLoggedOnce) {
  const std::vector<std::string> log = {"log",    "--db", "a.db",         "--external-id", "A1",
                                        "--kind", "call", "--request-id", "pbx-4711"};
  const Ran first = cli_.Run(log);
  EXPECT_EQ(first.code, 0) << first.err;
  const Ran again = cli_.Run(log);
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.Result()["activity"], first.Result()["activity"]);
  EXPECT_EQ(again.Result()["score"], first.Result()["score"]);
  EXPECT_EQ(again.Result()["replayed"], true);
  std::vector<std::string> other = log;
  other[6] = "meeting";
  EXPECT_THAT(cli_.Run(other).err, HasSubstr("'pbx-4711' was used for another request"));
}

TEST_F(Command, LogsAFileOnceAndTellsItsBadLines) {
  cli_.Write("week.jsonl",
             "{\"external_id\":\"A1\",\"kind\":\"page_view\",\"time\":\"2026-06-01T08:00:00Z\","
             "\"attributes\":{\"path\":\"/pricing\",\"seconds\":12}}\n"
             "\n"
             "{\"email\":\"grace@example.org\",\"kind\":\"call\",\"outcome\":\"reached\"}\n"
             "{\"kind\":\"call\"}\n"
             "{oops\n"
             "{\"external_id\":\"A1\",\"kind\":\"pageview\"}\n");
  const Ran ran = cli_.Run({"log", "--db", "a.db", "week.jsonl", "--now", kNow});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(Count(ran.Result(), "rows"), 5);
  EXPECT_EQ(Count(ran.Result(), "logged"), 2);
  EXPECT_EQ(Count(ran.Result(), "rejected"), 3);
  EXPECT_THAT(ran.err, HasSubstr("week.jsonl:5:"));
  EXPECT_THAT(ran.err, HasSubstr("did you mean 'page_view'?"));
  const Ran again = cli_.Run({"log", "--db", "a.db", "week.jsonl", "--now", kNow});
  EXPECT_EQ(Count(again.Result(), "skipped"), 2);
  EXPECT_EQ(Count(again.Result(), "logged"), 0);
}

TEST_F(Command, TickScoresAgainWhatTimeHasChanged) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(cli_.Run({"log", "--db", "a.db", "--external-id", "A2", "--kind", "page_view",
                        "--attribute", "path=/pricing", "--now", kNow})
                  .code,
              0);
  }
  EXPECT_EQ(Count(cli_.Run({"tick", "--db", "a.db", "--now", kNow}).Result(), "due"), 0);
  const std::vector<std::string> list = {"list",  "--db",  "a.db", "--search",
                                         "grace", "--now", kNow};
  const nlohmann::json before = cli_.Run(list).Result();
  EXPECT_EQ(before["band"], "warm");
  const Ran ran = cli_.Run({"tick", "--db", "a.db", "--now", "2026-06-09T10:00:00Z"});
  EXPECT_EQ(Count(ran.Result(), "due"), 1) << ran.out << ran.err;
  EXPECT_EQ(Count(ran.Result(), "changed"), 1);
  EXPECT_EQ(Count(ran.Result(), "band_changed"), 1);
  const nlohmann::json after = cli_.Run(list).Result();
  EXPECT_EQ(after["score"], before["score"].get<int>() - 12);
  EXPECT_EQ(after["band"], "cold");
}

// ---- Reading

TEST_F(Command, ShowExplainsALead) {
  const std::string id = IdOf("ada");
  const Ran people = cli_.Run({"show", "--db", "a.db", "--now", kNow, id});
  EXPECT_EQ(people.code, 0) << people.err;
  EXPECT_THAT(people.out, HasSubstr("score 33, warm"));
  EXPECT_THAT(people.out, HasSubstr("+18  executive (demographic)"));
  EXPECT_THAT(people.out, HasSubstr("missing: lead.annual_revenue"));
  EXPECT_THAT(people.out, HasSubstr("rule large accounts: matched: pool enterprise"));
  const nlohmann::json programs = cli_.Run({"--json", "show", id, "--db", "a.db"}).Result();
  EXPECT_EQ(programs["id"], id);
  EXPECT_EQ(programs["history"][0]["type"], "imported");
  EXPECT_EQ(programs["history"][0]["assignment"]["owner"], "elena");
  const Ran none = cli_.Run({"show", "--db", "a.db", "nobody"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("no lead 'nobody'"));
}

TEST_F(Command, ListIsOneObjectALineWithTheNamesOfTheTable) {
  const Ran ran = cli_.Run({"list", "--db", "a.db", "--sort", "external_id"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto leads = ran.Lines();
  ASSERT_EQ(leads.size(), 4u);
  EXPECT_THAT(ran.out, HasSubstr("\"Zoë Müller\"")) << "UTF-8 stands as it is";
  for (const Field& field : Schema::BuiltIn()->fields()) {
    EXPECT_TRUE(leads[0].contains(std::string(field.name))) << field.name;
  }
  EXPECT_TRUE(leads[2]["employee_count"].is_null());
  EXPECT_EQ(leads[0]["employee_count"], 1500);
  EXPECT_EQ(leads[0]["source"], "social_media");
}

TEST_F(Command, ListFiltersSortsAndPages) {
  const Ran filtered = cli_.Run({"list", "--explain", "--db", "a.db", "--filter",
                                 "lead.country == 'US' && lead.employee_count < 100"});
  ASSERT_EQ(filtered.Lines().size(), 1u) << filtered.err;
  EXPECT_EQ(filtered.Result()["email"], "grace@example.org");
  EXPECT_THAT(filtered.err, HasSubstr("index country"));
  std::set<std::string> seen;
  std::vector<std::string> words = {"list",  "--db",         "a.db",    "--sort",
                                    "score", "--descending", "--limit", "1"};
  double last = 1000;
  for (int page = 0; page < 4; ++page) {
    const Ran ran = cli_.Run(words);
    ASSERT_EQ(ran.Lines().size(), 1u) << ran.err;
    EXPECT_LE(ran.Result()["score"].get<double>(), last);
    last = ran.Result()["score"].get<double>();
    EXPECT_TRUE(seen.insert(ran.Result()["id"].get<std::string>()).second);
    const size_t cursor = ran.err.find("--cursor ");
    if (cursor == std::string::npos) break;
    std::string text = ran.err.substr(cursor + 9);
    text.resize(text.find('\n'));
    words.resize(8);
    words.insert(words.end(), {"--cursor", text});
  }
  EXPECT_EQ(seen.size(), 4u);
  const Ran bad = cli_.Run({"list", "--db", "a.db", "--filter", "lead.contry == 'US'"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("1:6: unknown field 'contry'"));
  EXPECT_EQ(cli_.Run({"list", "--db", "a.db", "--sort", "job_title"}).code, 2);
}

TEST_F(Command, FeedGoesOnBehindACursor) {
  const auto events = cli_.Run({"feed", "--db", "a.db"}).Lines();
  ASSERT_EQ(events.size(), 5u);  // the model, four leads
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i]["sequence"], i + 1);
  EXPECT_EQ(events[1]["type"], "imported");
  EXPECT_EQ(events[1]["time"], kNow);
  const auto rest = cli_.Run({"feed", "--after", "3", "--limit", "1", "--db", "a.db"}).Lines();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0], events[3]);
  EXPECT_EQ(cli_.Run({"feed", "--after", "5", "--db", "a.db"}).code, 0) << "all was seen";
  const Ran beyond = cli_.Run({"feed", "--after", "6", "--follow", "--db", "a.db"});
  EXPECT_EQ(beyond.code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("--after 6: the feed is not as long"));
}

// What is told must not land in a file that got the number of a stream.
TEST_F(Command, ClosedStreamsHarmNoFile) {
  cli_.Write("bad.csv", "Name,Email\nNobody,\n");
  const std::string command =
      "cd " + cli_.Path("") + " && " + LEADCORE_COMMAND + " import --db a.db bad.csv ";
  // What cannot be told is a failure, as on a full disk.
  const std::pair<const char*, int> ways[] = {
      {"<&- >&- 2>&-", 1}, {"<&- >&-", 1}, {"<&- 2>&- > told", 0}, {">&- 2>&-", 1}};
  for (const auto& [closed, code] : ways) {
    SCOPED_TRACE(closed);
    EXPECT_EQ(WEXITSTATUS(std::system((command + closed).c_str())), code);
    EXPECT_THAT(cli_.Read("a.db.lock"), ::testing::Not(HasSubstr("rejected")));
    EXPECT_EQ(cli_.Run({"verify", "--db", "a.db"}).code, 0);
  }
}

TEST_F(Command, ExportIsLossless) {
  const Ran csv = cli_.Run({"export", "--db", "a.db", "--format", "csv"});
  cli_.Write("out.csv", csv.out);
  const Ran import = cli_.Run({"import", "--db", "b.db", "--now", kNow, "out.csv"});
  EXPECT_EQ(Count(import.Result(), "created"), 4) << import.out << import.err;
  const auto before = cli_.Run({"list", "--db", "a.db", "--sort", "external_id"}).Lines();
  const auto after = cli_.Run({"list", "--db", "b.db", "--sort", "external_id"}).Lines();
  ASSERT_EQ(after.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    for (const auto& [name, value] : before[i].items()) {
      if (name == "id") continue;
      EXPECT_EQ(after[i][name], value) << name;
    }
  }
  const Ran sheet = cli_.Run({"export", "--db", "a.db", "--format", "spreadsheet"});
  EXPECT_THAT(sheet.out, HasSubstr("'=cmd|"));
  EXPECT_THAT(sheet.out, Not(HasSubstr(",=cmd|")));
  EXPECT_EQ(cli_.Run({"export", "--db", "a.db", "--format", "jsonl"}).Lines().size(), 4u);
  EXPECT_EQ(cli_.Run({"export", "--db", "a.db", "--format", "xlsx"}).code, 2);
}

TEST_F(Command, ReportsAddUp) {
  const nlohmann::json funnel = cli_.Run({"report", "--db", "a.db", "funnel"}).Result();
  EXPECT_EQ(funnel["report"], "funnel");
  EXPECT_EQ(funnel["rows"][0]["status"], "New");
  EXPECT_EQ(funnel["rows"][0]["leads"], 4);
  int64_t leads = 0;
  const nlohmann::json rep = cli_.Run({"report", "rep", "--db", "a.db"}).Result();
  for (const nlohmann::json& row : rep["rows"]) leads += row["leads"].get<int64_t>();
  EXPECT_EQ(leads, 4);
  const nlohmann::json aging =
      cli_.Run({"report", "aging", "--db", "a.db", "--now", "2026-06-11T09:00:00Z"}).Result();
  EXPECT_EQ(aging["rows"][0]["days_8_30"], 4);
  const Ran bad = cli_.Run({"report", "--db", "a.db", "sources"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("did you mean 'source'?"));
}

// ---- Usage

TEST(CommandUsage, WrongUsageIsTwo) {
  const CommandLine cli;
  EXPECT_EQ(cli.Run({}).code, 2);
  EXPECT_EQ(cli.Run({"frobnicate"}).code, 2);
  EXPECT_THAT(cli.Run({"--db", "a.db", "lst"}).err, HasSubstr("'lst', did you mean 'list'?"));
  EXPECT_EQ(cli.Run({"list"}).code, 2);
  EXPECT_EQ(cli.Run({"list", "--db", "a.db", "--bogus"}).code, 2);
  EXPECT_EQ(cli.Run({"list", "--db", "a.db", "--now", "yesterday"}).code, 2);
  EXPECT_EQ(cli.Run({"import", "--db", "a.db", "x.csv", "--delimiter", ";;"}).code, 2);
  const Ran encoding = cli.Run({"import", "--db", "a.db", "x.csv", "--encoding", "latin"});
  EXPECT_EQ(encoding.code, 2);
  EXPECT_THAT(encoding.err, HasSubstr("--encoding: 'latin' is not known"));
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--lead", "1"},
        {"--kind", "call", "x.jsonl"},
        {"--kind", "call", "--lead", "1", "--email", "a@example.com"}}) {
    std::vector<std::string> words = {"log", "--db", "a.db"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(cli.Run(words).code, 2) << more.size();
  }
  EXPECT_EQ(cli.Run({"--version"}).out, "leadcore 0.1.0\n");
  for (const char* word : {"check", "template", "import", "score", "log", "tick", "show", "list",
                           "feed", "export", "report"}) {
    const Ran ran = cli.Run({word, "--help"});
    EXPECT_EQ(ran.code, 0) << word;
    EXPECT_THAT(ran.out, HasSubstr(word));
  }
  const Ran none = cli.Run({"list", "--db", "none.db"});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("there is no database none.db"));
  EXPECT_FALSE(std::filesystem::exists(cli.Path("none.db")));
}

TEST_F(Command, OutputThatIsLostIsAFailure) {
  for (const std::string words : {"export --format csv", "list", "feed --json", "report rep"}) {
    const std::string line = std::string(LEADCORE_COMMAND) + " " + words + " --db " +
                             cli_.Path("a.db") + " > /dev/full 2> " + cli_.Path("errors");
    const int status = std::system(line.c_str());
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1) << words;
    EXPECT_THAT(cli_.Read("errors"), HasSubstr("standard output could not be written")) << words;
  }
}

TEST_F(Command, WordsAndOptionsGoInAnyOrder) {
  const std::string all = cli_.Run({"list", "--db", "a.db", "--limit", "2", "--json"}).out;
  EXPECT_EQ(cli_.Run({"--db", "a.db", "list", "--limit", "2"}).out, all);
  EXPECT_EQ(cli_.Run({"--limit=2", "--json", "--db", "a.db", "list"}).out, all);
  EXPECT_EQ(cli_.Run({"--db", "a.db", "source", "report"}).Result()["report"], "source");
  const Ran zero = cli_.Run({"list", "--db", "a.db", "--limit", "0"});
  EXPECT_EQ(zero.code, 2);
  EXPECT_THAT(zero.err, HasSubstr("--limit: '0' is no whole number from 1 on"));
  EXPECT_EQ(cli_.Run({"list", "--db", "a.db", "--limit", "many"}).code, 2);
}

TEST_F(Command, ASecondWriterIsToldWhoTheFirstIsAndReadersAreNot) {
  const auto owner = OpenSqliteStore({cli_.Path("a.db"), true, false});
  ASSERT_TRUE(owner.ok()) << owner.status();
  const Ran writer = cli_.Run({"tick", "--db", "a.db"});
  EXPECT_EQ(writer.code, 1);
  EXPECT_THAT(writer.err, HasSubstr("process " + std::to_string(getpid())));
  EXPECT_EQ(cli_.Run({"list", "--db", "a.db"}).Lines().size(), 4u);
}

TEST_F(Command, FollowingTheFeedEndsWithCtrlC) {
  const pid_t child = cli_.Start({"feed", "--db", "a.db", "--follow"});
  while (cli_.Read("stdout").find("\"sequence\":5") == std::string::npos) {
    ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it ended early";
  }
  ASSERT_EQ(kill(child, SIGINT), 0);
  EXPECT_EQ(cli_.Wait(child).code, 130);
}

}  // namespace
}  // namespace leadcore::testing
