// SPDX-License-Identifier: Apache-2.0
//
// leadcore match from the outside: clusters, evidence, errors, and how well it finds the duplicates
// of FEBRL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli_util.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kLeads =
    "Name;E-Mail;Phone;Company\n"
    "Robert Smith;rob@engines.example;(415) 555-2671;Engines Inc\n"
    "Grace Hopper;grace@compilers.example;;Compilers LLC\n"
    "Bob Smith;;+1 415 555 2671;Engines\n"
    "Smith, Robert;ROB@engines.example;;\n";

TEST(CommandMatch, NamesTheClusterOfEachRow) {
  const CommandLine cli;
  cli.Write("leads.csv", kLeads);
  const Ran ran = cli.Run({"match", "leads.csv"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "row,cluster\n1,1\n2,2\n3,1\n4,1\n");
  EXPECT_EQ(ran.err, "leadcore: 4 rows, 2 clusters, 2 duplicates, 0 possible pairs\n");
  EXPECT_EQ(cli.Run({"match", "-"}, kLeads).out, ran.out);
}

TEST(CommandMatch, TellsPrograms) {
  const CommandLine cli;
  cli.Write("leads.csv", kLeads);
  const Ran ran = cli.Run({"match", "--json", "leads.csv"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::vector<nlohmann::json> lines = ran.Lines();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_FALSE(lines[1].contains("like"));
  EXPECT_EQ(lines[2]["cluster"], 1);
  EXPECT_EQ(lines[2]["like"]["row"], 1);
  double sum = 0;
  std::string reasons;
  for (const nlohmann::json& evidence : lines[2]["like"]["evidence"]) {
    sum += evidence["points"].get<double>();
    reasons +=
        evidence["field"].get<std::string>() + ": " + evidence["reason"].get<std::string>() + "\n";
  }
  EXPECT_NEAR(sum, lines[2]["like"]["points"].get<double>(), 0.001);
  EXPECT_THAT(reasons, HasSubstr("first_name: one is a short form of the other"));
  EXPECT_THAT(reasons, HasSubstr("phone: the same phone number"));
}

TEST(CommandMatch, TheMapSaysWhatColumnsAre) {
  const CommandLine cli;
  cli.Write("people.csv",
            "who,vorname,nachname,Nr.\n1,Ada,Lovelace,8115550\n"
            "2,Ada,Lovelace,8115550\n3,Ada,Lovelace,4242421\n");
  cli.Write("map.json", R"({"columns": {"who": "", "vorname": "first_name",
    "nachname": "last_name", "Nr.": "id"}})");
  const Ran ran = cli.Run({"match", "people.csv", "--map", "map.json"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "row,cluster\n1,1\n2,1\n3,3\n");
  const Ran json = cli.Run({"match", "people.csv", "--map", "map.json", "--json"});
  EXPECT_THAT(json.out, HasSubstr(R"("field":"nr_")"));
}

TEST(CommandMatch, AModelSetsTheThresholds) {
  const CommandLine cli;
  cli.Write("leads.csv", kLeads);
  cli.Write("strict.json", R"({"matching": {"sure": 200}})");
  const Ran ran = cli.Run({"match", "leads.csv", "--model", "strict.json"});
  EXPECT_EQ(ran.out, "row,cluster\n1,1\n2,2\n3,3\n4,4\n") << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("4 clusters, 0 duplicates, 3 possible pairs"));
}

TEST(CommandMatch, WhatIsWrongIsSaid) {
  const CommandLine cli;
  cli.Write("leads.csv", kLeads);
  const auto error = [&](const std::string& map) {
    cli.Write("map.json", map);
    const Ran ran = cli.Run({"match", "leads.csv", "--map", "map.json"});
    EXPECT_NE(ran.code, 0) << map;
    EXPECT_EQ(ran.out, "") << map;
    return ran.err;
  };
  EXPECT_THAT(error(R"({"columns": {"Nmae": "full_name"}})"),
              HasSubstr("there is no column 'Nmae', did you mean 'Name'?"));
  EXPECT_THAT(error(R"({"columns": {"Name": "ful_name"}})"),
              HasSubstr("'ful_name' is no field and no kind, did you mean 'full_name'?"));
  EXPECT_THAT(error(R"({"columns": {"Name": "hat size"}})"), HasSubstr("no field and no kind"));
  EXPECT_THAT(error(R"({"columns": {"Name": 7}})"), HasSubstr("expected a string"));
  EXPECT_THAT(
      error(R"({"columns": {"Name": "email", "E-Mail": "full_name", "Phone": "full_name"}})"),
      HasSubstr("column 'Phone': column 'E-Mail' gives full_name already"));
  EXPECT_THAT(error(R"({"colums": {}})"), HasSubstr("a map is {\"columns\""));
  EXPECT_THAT(error(R"({"columns": )"), HasSubstr("map.json:1:"));
  EXPECT_NE(cli.Run({"match", "leads.csv", "--map", "none.json"}).code, 0);
  EXPECT_NE(cli.Run({"match", "none.csv"}).code, 0);
  EXPECT_EQ(cli.Run({"match"}).code, 2);
  cli.Write("shoes.csv", "size,colour\n42,red\n");
  const Ran shoes = cli.Run({"match", "shoes.csv"});
  EXPECT_NE(shoes.code, 0);
  EXPECT_THAT(shoes.err, HasSubstr("shoes.csv: "));
  cli.Write("empty.csv", "");
  EXPECT_NE(cli.Run({"match", "empty.csv"}).code, 0);
}

TEST(CommandMatch, ARowThatCannotBeReadIsToldAndLeftOut) {
  const CommandLine cli;
  cli.Write("leads.csv",
            "Name,E-Mail\nAda,ada@example.com,too,many,cells\nAda,ada@example.com\n"
            "Ada L,ada@example.com\n");
  const Ran ran = cli.Run({"match", "leads.csv"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "row,cluster\n2,2\n3,2\n");
  EXPECT_THAT(ran.err, HasSubstr("leads.csv:2: "));
  EXPECT_THAT(ran.err, HasSubstr("1 row not read"));
}

// ---- FEBRL: made-up Australians with faults, by P. Christen; rec-N-org and rec-N-dup-K are one

constexpr const char* kFebrlMap = R"({"columns": {
  "rec_id": "", "given_name": "first_name", "surname": "last_name",
  "street_number": "house_number", "address_1": "street", "address_2": "street2",
  "suburb": "city", "postcode": "postal_code", "state": "region", "date_of_birth": "date",
  "soc_sec_id": "id"}})";

// The lines behind the header.
std::vector<std::string> RowsOf(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) rows.push_back(line);
  return rows;
}

// "rec-12-dup-0" … is rec-12.
std::string PersonOf(const std::string& row) { return row.substr(0, row.find('-', 4)); }

struct Quality {
  double precision = 0, recall = 0;
  double f1() const { return 2 * precision * recall / (precision + recall); }
};

// Over all pairs of rows, after closure.
Quality QualityOf(const std::vector<std::string>& truth, const std::vector<std::string>& found) {
  std::map<std::string, double> people, clusters, both;
  for (size_t i = 0; i < truth.size(); ++i) {
    ++people[truth[i]], ++clusters[found[i]], ++both[truth[i] + " " + found[i]];
  }
  const auto pairs = [](const std::map<std::string, double>& sizes) {
    double sum = 0;
    for (const auto& [name, size] : sizes) sum += size * (size - 1) / 2;
    return sum;
  };
  return {pairs(both) / pairs(clusters), pairs(both) / pairs(people)};
}

class CommandMatchFebrl : public ::testing::TestWithParam<std::pair<const char*, double>> {};

TEST_P(CommandMatchFebrl, FindsTheDuplicates) {
  const std::string name = std::string("data/febrl/") + GetParam().first + ".csv";
  const auto path = SharedPath(name);
  LEADCORE_SKIP_WITHOUT(path, name);
  const CommandLine cli;
  cli.Write("map.json", kFebrlMap);
  const Ran ran = cli.Run({"match", path->string(), "--map", "map.json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::vector<std::string> truth, found;
  for (const std::string& row : RowsOf(ReadFile(*path))) truth.push_back(PersonOf(row));
  for (const std::string& row : RowsOf(ran.out)) found.push_back(row.substr(row.find(',') + 1));
  ASSERT_EQ(found.size(), truth.size());
  const Quality quality = QualityOf(truth, found);
  RecordProperty("f1", std::to_string(quality.f1()));
  std::printf("%s: precision %.4f, recall %.4f, F1 %.4f\n", GetParam().first, quality.precision,
              quality.recall, quality.f1());
  EXPECT_GE(quality.f1(), GetParam().second);

  // The naive form: who has the same name and date of birth.
  std::vector<std::string> naive;
  for (const std::string& row : RowsOf(ReadFile(*path))) {
    std::vector<std::string> cells;
    std::istringstream in(row);
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    naive.push_back(cells[1] + cells[2] + cells[9]);
  }
  EXPECT_LT(QualityOf(truth, naive).f1(), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(Sets, CommandMatchFebrl,
                         ::testing::Values(std::pair("dataset1", 0.995),
                                           std::pair("dataset2", 0.997),
                                           std::pair("dataset3", 0.997)));

TEST(CommandMatchFebrlOrder, RowsInAnotherOrderAreTheSamePeople) {
  const auto path = SharedPath("data/febrl/dataset1.csv");
  LEADCORE_SKIP_WITHOUT(path, "data/febrl/dataset1.csv");
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const CommandLine cli;
  cli.Write("map.json", kFebrlMap);
  const std::string text = ReadFile(*path);
  std::vector<std::string> rows = RowsOf(text);
  const auto partition = [&] {
    std::string file = text.substr(0, text.find('\n') + 1);
    for (const std::string& row : rows) file += row + "\n";
    cli.Write("people.csv", file);
    const Ran ran = cli.Run({"match", "people.csv", "--map", "map.json"});
    std::map<std::string, std::set<std::string>> sets;
    const std::vector<std::string> found = RowsOf(ran.out);
    for (size_t i = 0; i < found.size(); ++i) {
      sets[found[i].substr(found[i].find(',') + 1)].insert(rows[i].substr(0, rows[i].find(',')));
    }
    std::set<std::set<std::string>> sorted;
    for (const auto& [head, set] : sets) sorted.insert(set);
    return sorted;
  };
  const auto before = partition();
  EXPECT_GT(before.size(), 400u);
  std::shuffle(rows.begin(), rows.end(), std::mt19937_64(seed));
  EXPECT_EQ(partition(), before);
}

}  // namespace
}  // namespace leadcore::testing
