// SPDX-License-Identifier: Apache-2.0
//
// `leadcore feed` over several pages, which threads read and write side by side: all of it, in
// order, whatever is asked for, whatever fails and whoever writes meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "cli_util.h"
#include "engine_util.h"
#include "text.h"

namespace leadcore::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kEmail[] = "ada@example.com";
constexpr int kCalls = 3500;
constexpr size_t kEvents = kCalls + 2;  // a model, a lead, and calls to it

// With their ends.
std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

class Feed : public ::testing::Test {
 protected:
  Feed() : store_(OpenStore()), engine_(*Engine::Open({}, store_.get(), At("open"))) {
    const Model& model = engine_->model();
    const Lead lead = MakeLead(model, {{"email", kEmail}, {"last_name", "Lovelace"}});
    const Reply reply = engine_->SubmitLead(At("lead"), lead);
    EXPECT_TRUE(reply.status.ok()) << reply.status;
    LogCalls(kCalls);
  }

  static Call At(std::string request_id) {
    return {FromMicros(kStart), "test", std::move(request_id), "test"};
  }
  std::unique_ptr<Store> OpenStore() const { return *OpenSqliteStore({cli_.Path("a.db")}); }

  // In one commit. The 41st call is noted as "(call 41)".
  void LogCalls(int count) {
    std::vector<Command> commands;
    for (int i = 0; i < count; ++i) {
      Activity activity;
      activity.kind = "call";
      activity.outcome = Cat("(call ", ++calls_, ") \"tab\t\" \\ Zoë");
      commands.push_back({Cat("call ", calls_), LogActivity{activity, "", kEmail}});
    }
    for (const Reply& reply : engine_->ApplyMany(At("calls"), commands)) {
      ASSERT_TRUE(reply.status.ok()) << reply.status;
    }
  }

  Ran Run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"feed", "--json", "--db", "a.db"});
    return cli_.Run(std::move(words));
  }

  CommandLine cli_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  int calls_ = 0;
};

TEST_F(Feed, ManyPagesAreWhatTheEngineTells) {
  const Ran ran = Run({});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const std::vector<nlohmann::json> lines = ran.Lines();
  ASSERT_EQ(lines.size(), kEvents);
  FeedRequest request;
  request.limit = kEvents;
  size_t at = 0;
  const auto base64 = [](const std::string& bytes) { return absl::Base64Escape(bytes); };
  const absl::Status status = engine_->Feed(At("feed"), request, [&](const Event& event) {
    const nlohmann::json& line = lines[at++];
    EXPECT_EQ(line["sequence"], event.position);
    EXPECT_EQ(line["type"], event.type);
    EXPECT_EQ(line["request_id"], event.request_id);
    EXPECT_EQ(line["payload"], base64(event.payload));
    EXPECT_EQ(line["salt"], base64(event.salt));
    EXPECT_EQ(line["chain"], base64(event.chain));
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(at, kEvents);
  EXPECT_EQ(lines.back()["activity"]["outcome"], "(call 3500) \"tab\t\" \\ Zoë");
}

TEST_F(Feed, AnyPartOfItIsThatPart) {
  const Ran whole = Run({});
  const std::vector<std::string_view> lines = LinesOf(whole.out);
  ASSERT_EQ(lines.size(), kEvents);
  struct Part {
    size_t after, limit;
  };
  for (const auto& [after, limit] :
       {Part{0, 1}, Part{0, 1000}, Part{0, 1001}, Part{0, 2500}, Part{0, 9999}, Part{1, 1000},
        Part{999, 2002}, Part{1500, 1700}, Part{2502, 1000}, Part{2501, 9999}, Part{3501, 5},
        Part{3502, 5}}) {
    SCOPED_TRACE(Cat("after ", after, ", limit ", limit));
    std::string expected;
    for (size_t i = after; i < std::min(after + limit, lines.size()); ++i) expected += lines[i];
    const Ran ran = Run({"--after", std::to_string(after), "--limit", std::to_string(limit)});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(ran.out == expected) << LinesOf(ran.out).size() << " lines";
  }
}

TEST_F(Feed, OfADamagedPageAllBeforeItIsTold) {
  const Ran whole = Run({});
  engine_.reset();
  store_.reset();
  std::string bytes = cli_.Read("a.db");
  const std::string mark = "(call 2700)";
  ASSERT_NE(bytes.find(mark), std::string::npos);
  for (size_t at = 0; (at = bytes.find(mark, at)) != std::string::npos; ++at) bytes[at] = '[';
  cli_.Write("a.db", bytes);
  const Ran ran = Run({});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("the database is damaged"));
  EXPECT_TRUE(whole.out.starts_with(ran.out)) << "what was told before is true";
  const size_t lines = LinesOf(ran.out).size();
  EXPECT_GT(lines, 2600u) << "only the events of one page of the file are lost";
  EXPECT_LT(lines, 2702u);
  EXPECT_TRUE(ran.out.ends_with("\n"));
  EXPECT_EQ(Run({"--limit", "2000"}).code, 0) << "nobody asked for what is damaged";
}

TEST_F(Feed, WhatIsWrittenMeanwhileFollows) {
  const pid_t child = cli_.Start({"feed", "--db", "a.db", "--follow"});
  constexpr int kRounds = 30, kEach = 150;
  for (int round = 0; round < kRounds; ++round) LogCalls(kEach);
  const std::string last = Cat("\"sequence\":", kEvents + kRounds * kEach, ",");
  while (cli_.Read("stdout").find(last) == std::string::npos) {
    ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it ended early";
  }
  ASSERT_EQ(kill(child, SIGINT), 0);
  const Ran ran = cli_.Wait(child);
  EXPECT_EQ(ran.code, 130);
  const std::vector<std::string_view> lines = LinesOf(ran.out);
  ASSERT_EQ(lines.size(), kEvents + kRounds * kEach);
  for (size_t i = 0; i < lines.size(); ++i) {
    ASSERT_TRUE(lines[i].starts_with(Cat("{\"sequence\":", i + 1, ","))) << lines[i];
  }
}

TEST_F(Feed, OutputThatIsLostEndsIt) {
  const std::string line = Cat(LEADCORE_COMMAND, " feed --json --db ", cli_.Path("a.db"),
                               " > /dev/full 2> ", cli_.Path("errors"));
  const int status = std::system(line.c_str());
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1);
  EXPECT_THAT(cli_.Read("errors"), HasSubstr("standard output could not be written"));
}

}  // namespace
}  // namespace leadcore::testing
