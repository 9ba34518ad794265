// SPDX-License-Identifier: Apache-2.0
//
// Any bytes decode or are refused as damaged; what was decoded encodes to bytes that decode to the
// same and encode to themselves. The first byte says which message the rest is.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "leadcore/codec.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"

namespace {

using namespace leadcore;  // NOLINT: a program of its own

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "codec_fuzz: %s\n", what);
  std::abort();
}

// A built-in field of every kind and a custom one of several.
std::shared_ptr<const Schema> MakeSchema() {
  Faults faults;
  const CustomField custom[] = {{"fleet", Type::kInteger, Shape::kScalar, {}, false, ""},
                                {"length", Type::kDuration, Shape::kScalar, {}, false, ""},
                                {"colours", Type::kText, Shape::kList, {}, false, ""},
                                {"price", Type::kMoney, Shape::kScalar, {}, false, ""}};
  std::shared_ptr<const Schema> schema = Schema::Create(custom, {}, &faults);
  Require(schema != nullptr, "the schema of the target is wrong");
  return schema;
}

// What `decode` takes, `encode` writes so that both agree from then on.
template <typename Decode, typename Encode>
void RoundTrip(std::string_view bytes, Decode decode, Encode encode) {
  const auto first = decode(bytes);
  if (!first.ok()) {
    Require(absl::IsDataLoss(first.status()), "refused for another reason than damage");
    Require(!first.status().message().empty(), "refused without a reason");
    return;
  }
  const std::string written = encode(*first);
  const auto second = decode(written);
  Require(second.ok(), "own bytes are refused");
  Require(encode(*second) == written, "own bytes are written in another way");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const Schema>& schema =
      *new std::shared_ptr<const Schema>(MakeSchema());
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
    case 1: {
      const LeadForm form = data[0] % 6 == 0 ? LeadForm::kStored : LeadForm::kComplete;
      const auto decode = [](std::string_view text) { return DecodeLead(text, schema); };
      RoundTrip(bytes, decode, [form](const Lead& lead) { return EncodeLead(lead, form); });
      break;
    }
    case 2:
      RoundTrip(bytes, DecodeLeadState, EncodeLeadState);
      break;
    case 3:
      RoundTrip(bytes, DecodeActivity, EncodeActivity);
      break;
    case 4:
      RoundTrip(bytes, DecodeEventPayload, EncodeEventPayload);
      break;
    case 5:
      RoundTrip(bytes, DecodeCommandOutcome, EncodeCommandOutcome);
      break;
  }
  return 0;
}
