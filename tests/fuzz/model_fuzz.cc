// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are a model or are refused with faults that have a place and a reason. What is taken
// can be used at once, and parses to the same again.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "leadcore/engine.h"
#include "leadcore/model.h"

namespace {

using namespace leadcore;  // NOLINT: a program of its own

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "model_fuzz: %s\n", what);
  std::abort();
}

Lead Sample(const Model& model) {
  Lead lead(model.schema());
  lead.SetText(field::kFullName, "Ada Lovelace");
  lead.SetText(field::kEmail, "ada@example.com");
  lead.SetText(field::kPhone, "(415) 555-2671");
  lead.SetText(field::kCompany, "Engines Inc");
  lead.SetText(field::kCountry, "US");
  lead.SetText(field::kPostalCode, "94105");
  lead.Set(field::kEmployeeCount, Value::Integer(1500));
  return lead;
}

void Use(const Model& model, const Model& again) {
  const Lead lead = Sample(model);
  const absl::Time now = absl::FromUnixSeconds(1'795'000'000);
  const Score score = ScoreLead(model, lead, now);
  Points sum = 0;
  for (const LedgerEntry& entry : score.ledger) sum += entry.points;
  Require(sum == score.total, "a ledger that does not add up");
  Require(ScoreLead(again, lead, now).total == score.total, "another score the second time");
  const Routing::Plan plan = model.routing().MakePlan(lead.view(), now, {});
  const std::vector<int64_t> counters(plan.counters.size());
  const Routing::Choice choice = model.routing().Choose(plan, counters);
  Require(choice.assignment.owner.empty() == (choice.assignment.how == Assignment::How::kNone),
          "an owner without a reason, or a reason without an owner");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Faults faults;
  const std::shared_ptr<const Model> model = Model::Parse(text, &faults);
  Require((model == nullptr) == !faults.empty(), "a model and faults, or neither");
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const Fault& fault : faults) {
    Require(!fault.message.empty(), "a fault without a reason");
    Require(fault.line >= 1 && fault.line <= lines, "a fault on a line that is not there");
    Require(fault.column >= 1, "a fault without a column");
  }
  if (model == nullptr) return 0;
  Require(model->text() == text, "not the text that was given");
  const std::shared_ptr<const Model> again = Model::Parse(model->text(), &faults);
  Require(again != nullptr && again->hash() == model->hash(), "another model the second time");
  Use(*model, *again);
  return 0;
}
