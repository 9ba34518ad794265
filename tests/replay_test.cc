// SPDX-License-Identifier: Apache-2.0
//
// The whole of a database through a pipe: `leadcore feed --json | leadcore replay` makes it again,
// byte for byte, from leads as real lists have them. With LEADCORE_LONG a million rows;
// LEADCORE_ROWS sets another number.
// Links: leadcore_examples
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "cli_util.h"
#include "generator/generator.h"
#include "leadcore/csv.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;

size_t Rows() {
  if (const char* rows = std::getenv("LEADCORE_ROWS")) return std::strtoull(rows, nullptr, 10);
  return std::getenv("LEADCORE_LONG") != nullptr ? 1'000'000 : Scaled(3'000);
}

class ReplayTest : public ::testing::Test {
 protected:
  // Rows of the generator, and activities of every seventh address.
  void WriteFiles(size_t rows, uint64_t seed) {
    generator::Leads leads(seed);
    std::ofstream csv(cli_.Path("leads.csv"), std::ios::binary);
    std::ofstream log(cli_.Path("log.jsonl"), std::ios::binary);
    CsvWriter writer;
    size_t email = 0;
    const auto columns = generator::Columns();
    for (size_t i = 0; i < columns.size(); ++i) {
      writer.Add(columns[i]);
      if (columns[i].find("mail") != columns[i].npos && email == 0) email = i;
    }
    writer.EndRow();
    ASSERT_GT(email, 0u);
    for (size_t i = 0; i < rows; ++i) {
      const generator::Row row = leads.Next();
      for (const std::string& cell : row.cells) writer.Add(cell);
      writer.EndRow();
      csv << writer.Take();
      if (i % 7 != 0 || row.kind != generator::RowKind::kOriginal) continue;
      nlohmann::json activity = {{"email", row.cells[email]}, {"kind", "call"}};
      if (i % 2 == 0) activity["kind"] = "demo";
      log << activity.dump() << "\n";
    }
  }

  // A line of the shell, in the folder of this test.
  std::string Shell(const std::string& line) const {
    const std::string command = "cd '" + cli_.Path(".") + "' && PATH='" +
                                std::filesystem::path(LEADCORE_COMMAND).parent_path().string() +
                                "':$PATH && export PATH && { " + line + "; } >said 2>&1";
    const int code = std::system(command.c_str());
    EXPECT_EQ(code, 0) << line << "\n" << cli_.Read("said");
    return cli_.Read("said");
  }

  const CommandLine cli_;
};

TEST_F(ReplayTest, OfAFeedThroughAPipeMakesTheSameDatabase) {
  const uint64_t seed = Seed();
  const size_t rows = Rows();
  SCOPED_TRACE("seed " + std::to_string(seed));
  ASSERT_NO_FATAL_FAILURE(WriteFiles(rows, seed));
  const std::string now = " --now 2026-06-01T09:00:00Z ";
  Shell("leadcore import --db a.db" + now + "leads.csv");
  Shell("leadcore log --db a.db" + now + "log.jsonl");
  Shell("leadcore tick --db a.db --now 2026-06-20T09:00:00Z");
  const std::string replayed = Shell("leadcore feed --db a.db --json | leadcore replay --db b.db");
  for (const char* db : {"a.db", "b.db"}) {
    const std::string verified = Shell("leadcore verify --db " + std::string(db));
    EXPECT_THAT(verified, HasSubstr("no fault"));
    std::cout << verified;
  }
  const auto sum = [&](const std::string& db, const std::string& what) {
    return Shell("leadcore " + what + " --db " + db + now + " | sha256sum");
  };
  for (const char* what : {"export --format csv", "export --format jsonl", "feed --json"}) {
    EXPECT_EQ(sum("a.db", what), sum("b.db", what)) << what;
  }
  // The feed was told to its end.
  EXPECT_EQ(Shell("leadcore feed --db a.db | tail -n 1 | cut -d , -f 1"),
            Shell("leadcore feed --db b.db | tail -n 1 | cut -d , -f 1"));
  EXPECT_THAT(replayed, HasSubstr("\"events\":"));
}

}  // namespace
}  // namespace leadcore::testing
