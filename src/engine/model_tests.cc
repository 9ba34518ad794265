// SPDX-License-Identifier: Apache-2.0
//
// The tests that a model carries, run through a real engine.
#include <cmath>
#include <utility>

#include "engine/parts.h"
#include "leadcore/engine.h"
#include "leadcore/memory_store.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr int64_t kDefaultNow = 1'767'603'600'000'000;  // 2026-01-05T09:00:00Z, a Monday

class TestRun {
 public:
  TestRun(const std::shared_ptr<const Model>& model, size_t at, Faults* faults)
      : model_(model),
        test_(model->config().tests[at]),
        path_(Cat("tests[", at, "]")),
        faults_(faults),
        store_(NewMemoryStore()) {
    call_ = {FromMicros(test_.now.value_or(kDefaultNow)), "model test", "test", ""};
  }

  void Run() {
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        Engine::Open({model_, "test", false}, store_.get(), call_);
    if (!engine.ok()) return Fault("", std::string(Message(engine.status())));
    std::optional<Lead> lead = Read();
    if (!lead) return;
    const bool imported = lead->has(field::kStatus) || lead->has(field::kCreateTime);
    const Reply reply = (*engine)->Apply(call_, {"", Submit{*std::move(lead), imported}});
    const std::string wanted = test_.expect.outcome.value_or("created");
    if (OutcomeName(reply.outcome) != wanted) {
      return Fault(".expect.outcome", Cat("expected ", wanted, ", got ", OutcomeName(reply.outcome),
                                          ": ", Message(reply.status)));
    }
    if (reply.outcome != Outcome::kCreated) return;
    for (size_t i = 0; i < test_.activities.size(); ++i) {
      if (!Log(**engine, reply.lead_id, i)) return;
    }
    const absl::StatusOr<LeadRecord> record = (*engine)->Get(call_, reply.lead_id);
    if (!record.ok()) return Fault("", std::string(Message(record.status())));
    Compare(*record);
  }

 private:
  void Fault(std::string_view member, std::string message) {
    faults_->push_back({Cat(path_, member), -1, Cat("'", test_.name, "': ", message)});
  }

  std::optional<Lead> Read() {
    Lead lead(model_->schema());
    bool good = true;
    ParseOptions options;
    options.currency = model_->config().currency;
    options.day_first = model_->config().import.day_first;
    options.decimal_comma = model_->config().import.decimal_comma;
    for (const auto& [name, text] : test_.lead) {
      const Field& field = *model_->schema()->Find(name);  // checked when the model was parsed
      if (field.shape == Shape::kList) {
        size_t start = 0;
        while (start <= text.size()) {
          const size_t end = std::min(text.find(';', start), text.size());
          if (end > start) lead.AppendText(field.id, text.substr(start, end - start));
          start = end + 1;
        }
        continue;
      }
      const absl::StatusOr<Value> value = ParseValue(field.type, text, options);
      if (value.ok()) {
        lead.Set(field.id, *value);
      } else {
        Fault(Cat(".lead.", name), std::string(Message(value.status())));
        good = false;
      }
    }
    if (!good) return std::nullopt;
    return lead;
  }

  bool Log(Engine& engine, const std::string& lead_id, size_t at) {
    const ModelTest::Happened& happened = test_.activities[at];
    Activity activity;
    activity.lead_id = lead_id;
    activity.kind = happened.kind;
    activity.time = ToMicros(call_.now) - happened.ago;
    activity.attributes = happened.attributes;
    Call call = call_;
    call.request_id = Cat("test/", at);
    const Reply reply = engine.Log(call, std::move(activity));
    if (reply.status.ok()) return true;
    Fault(Cat(".activities[", at, "]"), std::string(Message(reply.status)));
    return false;
  }

  void CompareText(std::string_view name, const std::optional<std::string>& wanted,
                   std::string_view got) {
    if (!wanted || *wanted == got) return;
    Fault(Cat(".expect.", name), Cat("expected '", *wanted, "', got '", got, "'"));
  }

  void ComparePoints(std::string_view member, double wanted, Points got, const Score& score) {
    if (std::llround(wanted * kOnePoint) == ShownPoints(got) * kOnePoint) return;
    std::string why;
    for (const LedgerEntry& entry : score.ledger) {
      why += Cat(why.empty() ? ": " : ", ", entry.group, entry.group.empty() ? "" : "/", entry.rule,
                 " ",
                 FormatValue(Value::Real(static_cast<double>(entry.points) /
                                         static_cast<double>(kOnePoint))));
    }
    Fault(member,
          Cat("expected ", FormatValue(Value::Real(wanted)), ", got ", ShownPoints(got), why));
  }

  void Compare(const LeadRecord& record) {
    const ModelTest::Expect& expect = test_.expect;
    const Score& score = record.state.score;
    if (expect.score) ComparePoints(".expect.score", *expect.score, score.total, score);
    for (const auto& [group, wanted] : expect.scores) {
      for (const GroupScore& got : score.groups) {
        if (got.group == group) {
          ComparePoints(Cat(".expect.scores.", group), wanted, got.points, score);
        }
      }
    }
    CompareText("band", expect.band, score.band);
    CompareText("owner", expect.owner, record.lead.text(field::kOwner));
    CompareText("pool", expect.pool, record.lead.text(field::kPool));
    CompareText("territory", expect.territory, record.lead.text(field::kTerritory));
    CompareText("status", expect.status, record.lead.text(field::kStatus));
    CompareText("source", expect.source, record.lead.text(field::kSource));
  }

  const std::shared_ptr<const Model>& model_;
  const ModelTest& test_;
  const std::string path_;
  Faults* const faults_;
  const std::unique_ptr<Store> store_;
  Call call_;
};

}  // namespace

Faults RunModelTests(const std::shared_ptr<const Model>& model) {
  Faults faults;
  for (size_t i = 0; i < model->config().tests.size(); ++i) TestRun(model, i, &faults).Run();
  return faults;
}

}  // namespace leadcore
