// SPDX-License-Identifier: Apache-2.0
//
// Single fields of an encoded lead, without a lead being made of it: what a filter over many leads
// needs of most of them.
#ifndef LEADCORE_SRC_CODEC_LEAD_PEEK_H_
#define LEADCORE_SRC_CODEC_LEAD_PEEK_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"

namespace leadcore {

class LeadPeek {
 public:
  // `schema` is borrowed.
  LeadPeek(const Schema& schema, std::span<const FieldId> fields);

  // Whether all of the fields can be had so: lists, and what is not in the stored form of a lead
  // (LeadForm::kStored), cannot.
  bool possible() const { return possible_; }

  // The lead as far as the fields go; the others are absent. What the view points to lives until
  // the next call, and as long as `bytes`. DATA_LOSS as from DecodeLead.
  absl::StatusOr<LeadView> Read(std::string_view bytes);

 private:
  const Schema& schema_;
  bool possible_ = true;
  bool custom_ = false;
  std::vector<bool> wanted_;   // by field
  std::vector<Value> values_;  // by field
  std::vector<FieldId> fields_;
};

// Calls `sink` with every field that an encoded lead has and `schema` knows, in the order of the
// bytes; what a value points to lives until the call returns. DATA_LOSS as from DecodeLead.
absl::Status EachLeadField(std::string_view bytes, const Schema& schema,
                           absl::FunctionRef<void(const Field&, const Value&)> sink);

}  // namespace leadcore

#endif  // LEADCORE_SRC_CODEC_LEAD_PEEK_H_
