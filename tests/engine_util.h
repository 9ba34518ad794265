// SPDX-License-Identifier: Apache-2.0
//
// An engine on a store of its own, with a clock that only the test moves.
#ifndef LEADCORE_TESTS_ENGINE_UTIL_H_
#define LEADCORE_TESTS_ENGINE_UTIL_H_

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/audit.h"
#include "leadcore/codec.h"
#include "leadcore/engine.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "test_util.h"

namespace leadcore::testing {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 1'767'603'600 * kSecond;  // 2026-01-05T09:00:00Z, a Monday

inline std::shared_ptr<const Model> ParseModel(std::string_view json) {
  Faults faults;
  std::shared_ptr<const Model> model = Model::Parse(json, &faults);
  EXPECT_NE(model, nullptr) << FormatFaults(faults);
  return model;
}

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

// A lead from cells as a CSV file has them; entries of lists are separated by ';'.
inline Lead MakeLead(const Model& model, const Fields& fields) {
  Lead lead(model.schema());
  ParseOptions options;
  options.currency = model.config().currency;
  for (const auto& [name, text] : fields) {
    const Field* field = model.schema()->Find(name);
    if (field == nullptr) {
      ADD_FAILURE() << "no field " << name;
    } else if (field->shape == Shape::kList) {
      for (size_t start = 0; start <= text.size();) {
        const size_t end = std::min(text.find(';', start), text.size());
        lead.AppendText(field->id, text.substr(start, end - start));
        start = end + 1;
      }
    } else {
      const absl::StatusOr<Value> value = ParseValue(field->type, text, options);
      EXPECT_TRUE(value.ok()) << name << ": " << value.status();
      if (value.ok()) lead.Set(field->id, *value);
    }
  }
  return lead;
}

inline Activity MakeActivity(std::string_view lead, std::string_view kind, int64_t time = 0) {
  Activity activity;
  activity.lead_id = std::string(lead);
  activity.kind = std::string(kind);
  activity.time = time;
  return activity;
}

enum class StoreKind { kMemory, kSqlite };
inline std::string StoreName(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param == StoreKind::kMemory ? "memory" : "sqlite";
}
#define LEADCORE_ON_BOTH_STORES(suite)                                                 \
  INSTANTIATE_TEST_SUITE_P(Stores, suite,                                              \
                           ::testing::Values(::leadcore::testing::StoreKind::kMemory,  \
                                             ::leadcore::testing::StoreKind::kSqlite), \
                           [](const auto& each) { return ::leadcore::testing::StoreName(each); })

class World {
 public:
  explicit World(std::string_view model, StoreKind kind = StoreKind::kMemory)
      : World(ParseModel(model), kind) {}
  explicit World(std::shared_ptr<const Model> model, StoreKind kind = StoreKind::kMemory,
                 RandomSource random = SystemRandom()) {
    if (kind == StoreKind::kMemory) {
      store_ = NewMemoryStore(std::move(random));
    } else {
      SqliteOptions options{folder_.emplace() / "leads.db"};
      options.random = std::move(random);
      absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore(options);
      EXPECT_TRUE(store.ok()) << store.status();
      store_ = *std::move(store);
    }
    const absl::Status status = Reopen(std::move(model));
    EXPECT_TRUE(status.ok()) << status;
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Opens another engine on the same store; the one before stays when that fails.
  absl::Status Reopen(std::shared_ptr<const Model> model) {
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        Engine::Open({std::move(model), "test", false}, store_.get(), At("open"));
    if (engine.ok()) engine_ = *std::move(engine);
    return engine.status();
  }

  Engine& engine() { return *engine_; }
  Store& store() { return *store_; }
  const Model& model() const { return engine_->model(); }
  int64_t now = kStart;

  Call At(std::string request_id) const {
    return {FromMicros(now), "tester", std::move(request_id), ""};
  }
  // A call with a request id that no other had.
  Call Next() { return At("request-" + std::to_string(++requests_)); }

  Reply Put(const Fields& fields) { return engine_->SubmitLead(Next(), MakeLead(model(), fields)); }
  Reply Import(const Fields& fields) {
    return engine_->Apply(Next(), {"", Submit{MakeLead(model(), fields), true}});
  }
  // Ends the test's use of the lead when it was refused: the id is then "".
  std::string Created(const Fields& fields) {
    const Reply reply = Put(fields);
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    return reply.outcome == Outcome::kCreated ? reply.lead_id : std::string();
  }
  Reply Happened(std::string_view lead, std::string_view kind, int64_t time = 0) {
    return engine_->Log(Next(), MakeActivity(lead, kind, time));
  }

  LeadRecord Get(std::string_view id) {
    absl::StatusOr<LeadRecord> record = engine_->Get(At("read"), id);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : LeadRecord{Lead(model().schema()), {}};
  }
  // A field of a stored lead as text.
  std::string Show(std::string_view id, std::string_view name) {
    const LeadRecord record = Get(id);
    return FormatValue(record.lead[model().schema()->Find(name)->id]);
  }
  int64_t Score(std::string_view id) { return ShownPoints(Get(id).state.score.total); }

  std::vector<Event> Events() {
    std::vector<Event> events;
    FeedRequest request;
    request.limit = 10'000;
    const absl::Status status = engine_->Feed(At("read"), request, [&](const Event& event) {
      events.push_back(event);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return events;
  }
  // What the last event of a lead tells.
  EventPayload Told(std::string_view lead) {
    const absl::StatusOr<std::vector<Event>> events = engine_->History(At("read"), lead);
    EXPECT_TRUE(events.ok() && !events->empty()) << events.status();
    if (!events.ok() || events->empty()) return {};
    absl::StatusOr<EventPayload> payload = DecodeEventPayload(events->back().payload);
    EXPECT_TRUE(payload.ok()) << payload.status();
    return payload.ok() ? *std::move(payload) : EventPayload();
  }
  // A counter of the store.
  int64_t Counter(std::string_view name) const {
    const auto snapshot = store_->Read("test");
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? (*snapshot)->Counter(name).value_or(-1) : -1;
  }
  // verify finds nothing.
  void ExpectWhole() const {
    const auto fault = [](std::string_view what) { ADD_FAILURE() << what; };
    const auto verified = VerifyWorkspace(*store_, "test", fault);
    EXPECT_TRUE(verified.ok()) << verified.status();
  }
  // Types of everything that happened to one lead.
  std::vector<std::string> Types(std::string_view lead) {
    std::vector<std::string> types;
    const absl::StatusOr<std::vector<Event>> events = engine_->History(At("read"), lead);
    EXPECT_TRUE(events.ok()) << events.status();
    for (const Event& event : events.ok() ? *events : std::vector<Event>()) {
      types.push_back(event.type);
    }
    return types;
  }
  std::vector<LeadRecord> All() {
    ListRequest request;
    request.limit = 10'000;
    absl::StatusOr<ListReply> list = engine_->List(At("read"), request);
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? std::move(list->leads) : std::vector<LeadRecord>();
  }

 private:
  std::optional<Folder> folder_;  // goes last
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  int requests_ = 0;
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_ENGINE_UTIL_H_
