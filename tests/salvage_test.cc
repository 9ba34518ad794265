// SPDX-License-Identifier: Apache-2.0
//
// A database with damaged pages: what is saved is exactly what was there, once, and what is not is
// named.
#include "audit/salvage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/page_seal.h"
#include "store_util.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kPageSize = 4096;
constexpr size_t kLeads = 200;
constexpr int64_t kLater = kStart + 3 * kDay;

struct Saved {
  std::map<std::string, std::string> leads;  // by id, everything of each
  std::vector<std::string> told;
  SalvageReply reply;
  std::string model;  // hash; "" when it is lost
  bool doubled = false, disordered = false;
};

std::string WholeLead(const LeadRecord& record) {
  return EncodeLead(record.lead, LeadForm::kComplete) + EncodeLeadState(record.state);
}

class SalvageTest : public ::testing::Test {
 protected:
  // Leads of which some were filled, called, logged on and erased, some with long rows.
  SalvageTest() : model_(ParseModel(kWorkModel)), path_(folder_ / "leads.db") {
    auto store = OpenSqliteStore({.path = path_});
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto engine = Engine::Open({model_, "test", false}, store_.get(), At("open", kStart));
    EXPECT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    Fill();
    const Call call = At("erase", kStart);
    EXPECT_TRUE(engine_->Apply(call, {"", EraseLead{ids_[50]}}).status.ok());
    erased_ = ids_[50];
    EXPECT_TRUE(engine_->Tick(At("tick", kStart + kDay), 1000).ok());
  }

  static Call At(std::string request_id, int64_t now) {
    return {FromMicros(now), "tester", std::move(request_id), ""};
  }

  void Fill() {
    std::vector<Command> submits, others;
    for (size_t i = 0; i < kLeads; ++i) {
      const std::string number = std::to_string(i);
      const std::string name = "Person No" + number, email = "p" + number + "@people.example.com";
      const std::string text(i % 40 == 7 ? 9000 : 20, 'd'), external = "crm-" + number;
      submits.push_back({"submit-" + number, Submit{MakeLead(*model_, {{"full_name", name},
                                                                       {"email", email},
                                                                       {"description", text},
                                                                       {"external_id", external},
                                                                       {"plan", "gold"}})}});
      if (i % 3 == 0) {
        others.push_back({"log-" + number, LogActivity{MakeActivity("", "call"), external, ""}});
      }
      if (i % 5 != 0) continue;
      others.push_back({"fill-" + number,
                        Submit{MakeLead(*model_, {{"external_id", external}, {"country", "US"}})}});
    }
    for (const auto* commands : {&submits, &others}) {
      for (const Reply& reply : engine_->ApplyMany(At("work", kStart), *commands)) {
        ASSERT_TRUE(reply.status.ok()) << reply.status;
        if (reply.outcome == Outcome::kCreated) ids_.push_back(reply.lead_id);
      }
    }
  }

  // The file and the log as they are; closed, the log is in the file.
  void Close() {
    engine_.reset();
    store_.reset();
  }

  std::map<std::string, std::string> Truth() {
    std::map<std::string, std::string> leads;
    ListRequest request;
    request.limit = 10'000;
    const auto list = engine_->List(At("read", kLater), request);
    EXPECT_TRUE(list.ok()) << list.status();
    for (const LeadRecord& record : list->leads) {
      leads[std::string(record.lead.id())] = WholeLead(record);
    }
    return leads;
  }

  static Saved Save(const std::string& path) {
    Saved saved;
    const auto salvage = Salvage::Open(path, "test");
    EXPECT_TRUE(salvage.ok()) << salvage.status();
    if (!salvage.ok()) return saved;
    std::shared_ptr<const Model> model = (*salvage)->PublishedModel();
    if (model != nullptr) saved.model = model->hash();
    if (model == nullptr) model = ParseModel(kWorkModel);
    std::string last;
    saved.reply = (*salvage)->Run(
        *model, FromMicros(kLater),
        [&](const LeadRecord& record) {
          const std::string id(record.lead.id());
          saved.disordered = saved.disordered || id <= last;
          last = id;
          saved.doubled = !saved.leads.emplace(id, WholeLead(record)).second || saved.doubled;
          return true;
        },
        [&](std::string_view what) { saved.told.emplace_back(what); });
    return saved;
  }

  // A copy of `whole` with these pages (from 1) damaged.
  std::string Damaged(const std::string& whole, const std::set<size_t>& pages) {
    std::string copy = whole;
    for (const size_t page : pages) copy[(page - 1) * kPageSize + 1000] ^= 0x5a;
    std::ofstream(folder_ / "damaged.db", std::ios::binary) << copy;
    return folder_ / "damaged.db";
  }

  // What must hold of whatever is saved, or what is wrong.
  std::string Wrong(const Saved& saved, const std::map<std::string, std::string>& truth) {
    if (saved.doubled) return "a lead was told twice";
    if (saved.disordered) return "leads were told out of order";
    int64_t missing = 0, cut = 0, erased = 0;
    const auto told = [&](const std::string& id, const char* what) {
      return std::any_of(saved.told.begin(), saved.told.end(), [&](const std::string& line) {
        return line.find(id) != line.npos && line.find(what) != line.npos;
      });
    };
    for (const auto& [id, whole] : saved.leads) {
      const auto at = truth.find(id);
      if (at == truth.end()) return "a lead that was not there: " + id;
      if (at->second == whole) continue;
      if (!told(id, "left empty")) return "another lead than was there: " + id;
      ++cut;
    }
    for (const auto& [id, whole] : truth) {
      if (saved.leads.count(id) != 0) continue;
      ++missing;
      if (!told(id, "is lost") && !saved.reply.more) return "lost without a word: " + id;
    }
    if (told(erased_, "is lost")) {
      if (!told(erased_, "or was erased")) return "who was erased is told as lost";
      erased = 1;
    }
    if (saved.reply.leads != static_cast<int64_t>(saved.leads.size())) return "leads";
    if (saved.reply.lost < cut) return "lost";
    if (!saved.reply.more && saved.reply.lost != missing + cut + erased)
      return "lost, counted wrongly";
    lost_ += missing;
    cut_ += cut;
    return "";
  }

  Folder folder_;
  const std::shared_ptr<const Model> model_;
  const std::string path_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::string> ids_;
  std::string erased_;
  int64_t lost_ = 0, cut_ = 0;
};

TEST_F(SalvageTest, AWholeFileIsToldAsItIs) {
  const std::map<std::string, std::string> truth = Truth();
  ASSERT_EQ(truth.size(), kLeads - 1);
  ASSERT_NE(ReadFile(path_ + "-wal"), "");
  const Saved logged = Save(path_);
  EXPECT_EQ(logged.leads, truth) << "with a log";
  EXPECT_THAT(logged.told, IsEmpty());
  Close();
  const Saved saved = Save(path_);
  EXPECT_EQ(saved.leads, truth);
  EXPECT_THAT(saved.told, IsEmpty());
  EXPECT_EQ(saved.model, model_->hash());
  EXPECT_EQ(saved.reply.lost, 0);
}

TEST_F(SalvageTest, WhateverPageIsDamagedEveryLeadIsSaved) {
  const std::map<std::string, std::string> truth = Truth();
  Close();
  const std::string whole = ReadFile(path_);
  const size_t pages = whole.size() / kPageSize;
  ASSERT_GT(pages, 150u);
  int64_t rebuilt = 0;
  for (size_t page = 1; page <= pages; ++page) {
    const Saved saved = Save(Damaged(whole, {page}));
    ASSERT_EQ(saved.leads, truth) << "page " << page;
    ASSERT_EQ(Wrong(saved, truth), "") << "page " << page;
    EXPECT_EQ(saved.reply.lost, 0) << "page " << page;
    EXPECT_EQ(saved.model, model_->hash()) << "page " << page;
    EXPECT_EQ(saved.reply.damaged_pages, 1);
    EXPECT_THAT(saved.told, Contains(HasSubstr("page " + std::to_string(page) + " is damaged: ")));
    rebuilt += saved.reply.rebuilt;
  }
  std::cout << pages << " pages, " << rebuilt << " leads rebuilt from events, 0 lost\n";
  EXPECT_GE(rebuilt, static_cast<int64_t>(2 * kLeads)) << "each by its record and its score";
}

// From two pages to half of the file.
TEST_F(SalvageTest, OfManyDamagedPagesNothingWrongIsToldAndEveryLossIsNamed) {
  const uint64_t seed = Seed();
  const size_t rounds = std::getenv("LEADCORE_LONG") != nullptr ? 20'000 : Scaled(400);
  const std::map<std::string, std::string> truth = Truth();
  Close();
  const std::string whole = ReadFile(path_);
  const size_t pages = whole.size() / kPageSize;
  for (size_t round = 0; round < rounds; ++round) {
    std::mt19937_64 random(seed + round);
    std::set<size_t> damaged;
    const size_t count = 2 + random() % (round % 2 == 0 ? 4 : pages / 2);
    while (damaged.size() < count) damaged.insert(1 + random() % pages);
    const Saved saved = Save(Damaged(whole, damaged));
    ASSERT_EQ(Wrong(saved, truth), "") << "seed " << seed + round << ", " << count << " pages";
  }
  std::cout << rounds << " files, " << lost_ << " leads lost and named, " << cut_
            << " not whole, 0 wrong, seed " << seed << "\n";
  EXPECT_GT(lost_, 0);
  EXPECT_GT(cut_, 0);
}

TEST_F(SalvageTest, OfAFileThatWasCutOffNothingWrongIsTold) {
  const std::map<std::string, std::string> truth = Truth();
  Close();
  const std::string whole = ReadFile(path_);
  const size_t pages = whole.size() / kPageSize;
  for (size_t left = pages - 1; left > 7; left -= 7) {
    for (const bool first : {true, false}) {
      std::string cut = whole.substr(0, left * kPageSize + 100);
      if (!first) cut[1000] ^= 0x5a;
      std::ofstream(folder_ / "cut.db", std::ios::binary) << cut;
      const Saved saved = Save(folder_ / "cut.db");
      ASSERT_EQ(Wrong(saved, truth), "") << left << " of " << pages << " pages";
      EXPECT_GT(saved.reply.damaged_pages, 0) << left;
    }
  }
  EXPECT_GT(lost_, 0);
}

// A page whose new form is in the log does not count as it stands in the file.
TEST_F(SalvageTest, TheLogMakesDamagedPagesGood) {
  Close();
  auto store = OpenSqliteStore({.path = path_});
  ASSERT_TRUE(store.ok());
  store_ = *std::move(store);
  auto engine = Engine::Open({model_, "test", false}, store_.get(), At("open", kStart));
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  std::vector<Command> calls;
  for (const std::string& id : ids_) {
    calls.push_back({"again-" + id, LogActivity{MakeActivity(id, "call"), "", ""}});
  }
  engine_->ApplyMany(At("again", kStart + kDay), calls);
  const std::map<std::string, std::string> truth = Truth();
  const std::string whole = ReadFile(path_);
  const std::string log = ReadFile(path_ + "-wal");
  ASSERT_GT(log.size(), kPageSize);
  size_t good = 0;
  for (size_t page = 1; page <= whole.size() / kPageSize; page += Scaled(10) == 10 ? 3 : 30) {
    const std::string damaged = Damaged(whole, {page});
    std::ofstream(damaged + "-wal", std::ios::binary) << log;
    const Saved saved = Save(damaged);
    ASSERT_EQ(saved.leads, truth) << "page " << page;
    good += saved.reply.damaged_pages == 0 ? 1 : 0;
  }
  EXPECT_GT(good, Scaled(10) == 10 ? 5u : 0u);
}

// Its checksum was made of what was wrong already, as of a log that another program wrote into.
TEST_F(SalvageTest, ASealedFirstPageThatIsNoneIsNotBelieved) {
  const std::map<std::string, std::string> truth = Truth();
  Close();
  std::string bytes = ReadFile(path_);
  bytes.replace(0, 40, std::string(40, 'e'));  // 1.7 billion pages, it says
  SealPage(reinterpret_cast<unsigned char*>(bytes.data()), kPageSize, 1);
  std::ofstream(path_, std::ios::binary) << bytes;
  const Saved saved = Save(path_);
  EXPECT_EQ(saved.leads, truth);
}

TEST_F(SalvageTest, WhatIsNoDatabaseIsRefused) {
  std::ofstream(folder_ / "none.db", std::ios::binary) << std::string(50'000, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(Salvage::Open(folder_ / "none.db", "test").status()));
  std::ofstream(folder_ / "empty.db", std::ios::binary) << "";
  EXPECT_TRUE(absl::IsInvalidArgument(Salvage::Open(folder_ / "empty.db", "test").status()));
  EXPECT_TRUE(absl::IsNotFound(Salvage::Open(folder_ / "nowhere.db", "test").status()));
}

}  // namespace
}  // namespace leadcore::testing
