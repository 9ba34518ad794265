// SPDX-License-Identifier: Apache-2.0
//
// update, from the outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli_util.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;

class CliChange : public ::testing::Test {
 protected:
  CliChange() {
    cli_.Write("leads.csv",
               "full_name,email,country,tags\nAda Lovelace,ada@example.com,US,old\n"
               "Grace Hopper,grace@example.com,US,\n");
    const Ran ran = cli_.Run({"import", "--db", "a.db", "leads.csv"});
    EXPECT_EQ(ran.Result().value("created", 0), 2) << ran.out << ran.err;
    ada_ = cli_.Run({"list", "--db", "a.db", "--search", "ada"}).Result().value("id", "");
  }
  Ran Update(std::vector<std::string> words) {
    words.insert(words.begin(), {"update", "--db", "a.db", ada_});
    return cli_.Run(words);
  }
  nlohmann::json Lead() { return cli_.Run({"list", "--db", "a.db", "--search", "ada"}).Result(); }

  CommandLine cli_;
  std::string ada_;
};

TEST_F(CliChange, UpdateReadsValuesAsAFileHasThem) {
  const Ran ran = Update({"employee_count=1,200", "annual_revenue=$2.5M", "tags=vip;math",
                          "bant.decision_maker=yes", "country="});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.Result().value("outcome", ""), "updated");
  EXPECT_EQ(ran.Result().value("version", 0), 2);
  EXPECT_EQ(ran.Result().value("lead", ""), ada_);
  const nlohmann::json lead = Lead();
  EXPECT_EQ(lead["employee_count"], 1200);
  EXPECT_EQ(lead["tags"], nlohmann::json({"vip", "math"}));
  EXPECT_EQ(lead["bant.decision_maker"], true);
  EXPECT_TRUE(lead["country"].is_null());
  EXPECT_EQ(Update({"employee_count=1200"}).Result().value("outcome", ""), "unchanged");
}

TEST_F(CliChange, ARefusalIsAMessageOrAnObject) {
  const Ran words = Update({"email=grace@example.com"});
  EXPECT_EQ(words.code, 1);
  EXPECT_EQ(words.out, "");
  EXPECT_THAT(words.err, HasSubstr("key 'email': grace@example.com belongs to lead"));
  const Ran json = Update({"email=grace@example.com", "--json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_EQ(json.Result().value("code", ""), "ALREADY_EXISTS");
  EXPECT_EQ(json.Result().value("rule", ""), "key email");
  EXPECT_THAT(json.Result().value("message", ""), HasSubstr("belongs to lead"));
  EXPECT_EQ(json.Result()["missing"], nlohmann::json::array());
  EXPECT_EQ(Lead()["version"], 1);
}

TEST_F(CliChange, UpdateSaysWhatIsWrongWithItsWords) {
  EXPECT_EQ(Update({"city"}).code, 2);
  EXPECT_EQ(Update({"employee_count=many"}).code, 2);
  EXPECT_THAT(Update({"employee_count=many"}).err, HasSubstr("employee_count: "));
  EXPECT_THAT(Update({"emial=x"}).err, HasSubstr("did you mean 'email'?"));
  EXPECT_THAT(Update({"city=Rome", "--version", "7"}).err, HasSubstr("is at version 1, not 7"));
}

TEST_F(CliChange, ARequestThatIsNamedIsDoneOnce) {
  EXPECT_EQ(Update({"city=Rome", "--request-id", "form-7"}).code, 0);
  EXPECT_EQ(Update({"city=Oslo"}).code, 0);
  const Ran again = Update({"city=Rome", "--request-id", "form-7"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.Result().value("replayed", false), true);
  EXPECT_EQ(Lead()["city"], "Oslo");
}

}  // namespace
}  // namespace leadcore::testing
